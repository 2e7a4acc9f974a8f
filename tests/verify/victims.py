# ruff: noqa: S608 - nothing here comes from outside
"""How a corruption is written, and where in the tests' book its victims are found."""

from dataclasses import dataclass

GIFT = (
    "(select reference from journal_entries where kind = 'gift' and donation_id in"
    " (select donation_id from receipts group by donation_id having min(status) = 'issued' and count(*) = 1)"
    " order by number limit 1)"
)
SPLIT = (
    "(select m.reference from journal_moves m join journal_entries e using (reference) where e.kind = 'gift'"
    " and m.fund_id = 'education' and m.from_account = 'contributions' order by m.reference limit 1)"
)
PLAIN_DONATION = f"(select donation_id from journal_entries where reference = {GIFT})"
NEVER_PAID = "(select id from donations where status = 'pending')"
RECEIPT = f"(select id from receipts where donation_id = {PLAIN_DONATION})"
OTHER_RECEIPT = f"(select max(id) from receipts where status = 'issued' and donation_id <> {PLAIN_DONATION})"

STATEMENT = (
    "(select id from giving_statements where status = 'issued' and replaces_id is null"
    " order by sequence limit 1)"
)
OTHER_STATEMENT = (
    "(select id from giving_statements where status = 'issued' and replaces_id is not null"
    " order by sequence limit 1)"
)
VOID_STATEMENT = "(select id from giving_statements where status = 'void' order by sequence limit 1)"


def of_kind(kind: str) -> str:
    """An entry of a kind."""
    return f"(select reference from journal_entries where kind = '{kind}' order by number limit 1)"


def refund_of(kind: str) -> str:
    """The refund whose balance transaction stands in the book as this kind."""
    return (
        "(select r.id from refunds r join balance_transactions b on b.source_id = r.stripe_refund_id"
        " join journal_entries e on e.reference = 'bt:' || b.stripe_balance_transaction_id"
        f" where e.kind = '{kind}' order by e.number limit 1)"
    )


@dataclass(frozen=True, slots=True)
class Corruption:
    """One deed of an owner of the database, and the check that must name it."""

    what: str
    kind: str
    statement: str
