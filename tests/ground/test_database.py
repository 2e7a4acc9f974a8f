"""One transaction, whole or not at all, and what may be said only after it."""

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from payments.database import transaction
from payments.donations.models import Organisation


def test_the_processes_work_under_the_application_role(session: Session) -> None:
    role = session.scalar(text("select current_user"))

    assert role == "almoner_app"


def test_each_test_begins_with_empty_tables(database: str, organisation: Organisation) -> None:
    with transaction() as session:
        assert session.scalar(select(func.count()).select_from(Organisation)) == 1
