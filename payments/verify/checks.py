"""THE TABLE: every law of the books, what it proves, and the statement that finds each breach.

The statements ask the stored facts anew and share no code with what wrote them: a mistake made twice
in the same way would prove itself.
"""

from payments.verify import (
    bank,
    closing,
    consent,
    erasure,
    exports,
    giftaid,
    giving,
    guards,
    inbox,
    journal,
    merges,
    mirror,
    money_back,
    monthly,
    offline,
    receipts,
    statements,
)
from payments.verify.check import Check

CHECKS: tuple[Check, ...] = (
    *journal.CHECKS,
    *mirror.CHECKS,
    *giving.CHECKS,
    *monthly.CHECKS,
    *money_back.CHECKS,
    *offline.CHECKS,
    *bank.CHECKS,
    *receipts.CHECKS,
    *closing.CHECKS,
    *exports.CHECKS,
    *statements.CHECKS,
    *giftaid.CHECKS,
    *consent.CHECKS,
    *inbox.CHECKS,
    *erasure.CHECKS,
    *merges.CHECKS,
    *guards.CHECKS,
)


def named(kinds: list[str]) -> tuple[Check, ...]:
    """The checks of these names, in the order of the table; all of them for an empty list."""
    return tuple(check for check in CHECKS if not kinds or check.kind in kinds)
