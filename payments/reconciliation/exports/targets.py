"""The table of targets: whoever takes our books, by the name people type."""

from payments.errors import AlmonerError
from payments.reconciliation.exports import (
    civicrm,
    datev,
    generic,
    intacct,
    npsp,
    plain_text,
    quickbooks,
    xero,
)
from payments.reconciliation.exports.format import Target

TARGETS: dict[str, Target] = {
    target.name: target
    for target in (
        quickbooks.ONLINE,
        quickbooks.ONLINE_UK,
        quickbooks.DESKTOP,
        xero.JOURNALS,
        xero.BANK,
        intacct.TARGET,
        datev.TARGET,
        plain_text.BEANCOUNT,
        plain_text.HLEDGER,
        npsp.TARGET,
        civicrm.TARGET,
        generic.CSV,
        generic.JSON_LINES,
        generic.WORKBOOK,
    )
}


class TargetUnknown(AlmonerError):
    """No format has this name."""

    def __init__(self) -> None:
        super().__init__(f"There is no such target. There are {', '.join(TARGETS)}.")


def known(name: str) -> Target:
    """The target, or `TargetUnknown`."""
    if name not in TARGETS:
        raise TargetUnknown
    return TARGETS[name]
