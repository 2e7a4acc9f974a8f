"""What the house knows of card testing: whether it holds back, and whether it can tell one donor from
another."""

from collections.abc import Iterator

from sqlalchemy.orm import Session

from payments.checkup import Check
from payments.shield import limits
from payments.shield.attack import signals
from payments.shield.windows import windows


def card_testing(session: Session) -> Iterator[Check]:
    """The last ten minutes of giving, and the proxies."""
    seen = signals(session)
    yield Check(
        name="card testing",
        is_well=not seen.is_attack,
        finding=f"under attack: {seen}" if seen.is_attack else str(seen),
        remedy="Limits have fallen by themselves and will rise again. Look at the payments of these minutes"
        " in Stripe's dashboard; `almoner disputes warnings` has what turns out to be stolen.",
    )
    unnamed = windows().count(limits.UNNAMED_PROXY)
    yield Check(
        name="proxies",
        is_well=not unnamed,
        finding="a web server forwards to us that is not named" if unnamed else "none that is not named",
        remedy="Name it in TRUSTED_PROXIES: until then no limit can tell one donor from another.",
    )
