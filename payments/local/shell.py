"""`./dev shell`: a Python prompt with a database session, every table's class and `select` at hand.

Nothing is written unless `session.commit()` is typed: leaving the prompt rolls back.
"""

import code

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import models
from payments.database import engine


def main() -> None:
    tables = {mapper.class_.__name__: mapper.class_ for mapper in models.Base.registry.mappers}
    with Session(engine()) as session:
        names = {"session": session, "select": select, **tables}
        code.interact(
            banner=f"Ready: session, select, {', '.join(sorted(tables))}", exitmsg="rolled back", local=names
        )


if __name__ == "__main__":
    main()
