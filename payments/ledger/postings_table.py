"""The table in `docs/postings.md`: every rule called with example amounts, for an accountant to check.

`python -m payments.ledger.postings_table` prints it; a test compares it with the page, so the page
cannot say anything else than the program does.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from payments.ledger import rules, rules_by_hand, rules_of_the_bank
from payments.ledger.accounts import Account
from payments.ledger.rules import Books, Entry, Gift, Line, MoneyBack, Move, Movement
from payments.ledger.standing import Standing
from payments.money import Money

_BOOKS = Books(entity_id="us", time_zone="UTC")
_NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
_STARTS = Standing()
_GIFT = Gift(
    donation_id="don_1",
    lines=(
        Line(Account.CONTRIBUTIONS, 6000, "general"),
        Line(Account.CONTRIBUTIONS, 4000, "rescue"),
    ),
)
_IN_WON = Gift(
    donation_id="don_2",
    lines=(
        Line(Account.CONTRIBUTIONS, 20_000, "general"),
        Line(Account.CONTRIBUTIONS, 30_000, "rescue"),
    ),
)
_FOREIGN = rules.foreign(3000)


@dataclass(frozen=True, slots=True)
class Example:
    """One thing that happens, in a sentence, and the entry it makes."""

    happens: str
    entry: Entry


def _movement(category: str, amount: int, fee: int = 0, *, is_about_dispute: bool = False) -> Movement:
    return Movement(
        stripe_balance_transaction_id="txn_1",
        reporting_category=category,
        type=category,
        amount=amount,
        fee=fee,
        net=amount - fee,
        currency="usd",
        created_at=_NOON,
        is_about_dispute=is_about_dispute,
    )


def _back(before: Standing, after: Standing, settled: int = 10_000) -> MoneyBack:
    return MoneyBack(settled=settled, before=before, after=after)


def _gifts() -> Iterator[Example]:
    charge = _movement("charge", 10_000, 320)
    yield Example(
        "A gift of $100.00, $60.00 for general and $40.00 for rescue; Stripe keeps $3.20.",
        rules.settled(charge, _GIFT, _BOOKS),
    )
    covered = Gift(
        donation_id="don_1",
        lines=(Line(Account.CONTRIBUTIONS, 10_000, "general"), Line(Account.CONTRIBUTIONS_FEE_COVER, 330)),
    )
    yield Example(
        "A gift of $100.00 whose donor adds $3.30 for the fee; Stripe keeps $3.30.",
        rules.settled(_movement("charge", 10_330, 330), covered, _BOOKS),
    )
    dinner = Gift(
        donation_id="don_1",
        lines=(Line(Account.CONTRIBUTIONS, 7000, "general"), Line(Account.BENEFITS_EXCHANGED, 3000)),
    )
    yield Example(
        "A payment of $100.00 for which the donor gets a dinner worth $30.00.",
        rules.settled(charge, dinner, _BOOKS),
    )
    agency = Gift(donation_id="don_1", lines=(Line(Account.AGENCY_OBLIGATIONS, 10_000, "partner"),))
    yield Example(
        "$100.00 for a fund that is passed on to a named beneficiary.", rules.settled(charge, agency, _BOOKS)
    )
    yield Example(
        "A gift of ₩50,000 (₩20,000 and ₩30,000) that Stripe settles at $36.55, keeping $1.73.",
        rules.settled(_movement("charge", 3655, 173), _IN_WON, _BOOKS),
    )
    yield Example(
        "A shop on the same Stripe account sells for $30.00: no gift.",
        rules.settled(_movement("charge", 3000, 117), _FOREIGN, _BOOKS),
    )


def _money_back() -> Iterator[Example]:
    part, third = Standing(refunded=5000), Standing(refunded=3333)
    yield Example(
        "$50.00 of the $100.00 is refunded. Stripe keeps its fee.",
        rules.refunded(_movement("refund", -5000), _GIFT, _back(_STARTS, part), _BOOKS),
    )
    yield Example(
        "$33.33 is refunded, and then $66.67 more: no cent is left in a fund. This is the second.",
        rules.refunded(_movement("refund", -6667), _GIFT, _back(third, Standing(refunded=10_000)), _BOOKS),
    )
    owed = Standing(refunded=5000, owed=5000)
    yield Example(
        "The refund of $50.00 fails weeks later: it is owed to the donor.",
        rules.refund_failed(_movement("refund_failure", 5000), _GIFT, _back(part, owed), _BOOKS),
    )
    yield Example(
        "$70.00 is refunded then: what is owed is paid first.",
        rules.refunded(_movement("refund", -7000), _GIFT, _back(owed, Standing(refunded=7000)), _BOOKS),
    )
    yield Example(
        "Or what is owed is sent from the bank; a second person approves.",
        rules_by_hand.owed_paid("owe_1", "don_1", Money(5000, "usd"), _BOOKS, paid_at=_NOON),
    )
    yield Example(
        "Or the donor lets the gift stand.",
        rules.gift_kept("kept:1", _GIFT, _back(owed, _STARTS), _BOOKS, currency="usd", kept_at=_NOON),
    )
    yield Example(
        "A refund of $50.00 is cancelled before it left.",
        rules.refund_failed(_movement("refund_failure", 5000), _GIFT, _back(part, _STARTS), _BOOKS),
    )
    yield Example(
        "A bank takes the whole debit back after it had said yes.",
        rules.bank_debit_returned(
            _movement("charge_failure", -10_000), _GIFT, _back(_STARTS, Standing(refunded=10_000)), _BOOKS
        ),
    )
    yield Example(
        "₩10,000 of the ₩50,000 is refunded when that costs $7.45; it had brought $7.31.",
        rules.refunded(
            _movement("refund", -745), _IN_WON, _back(_STARTS, Standing(refunded=10_000), 3655), _BOOKS
        ),
    )
    yield Example(
        "The shop refunds $10.00.",
        rules.refunded(
            _movement("refund", -1000), _FOREIGN, _back(_STARTS, Standing(refunded=1000), 3000), _BOOKS
        ),
    )


def _disputes() -> Iterator[Example]:
    held = Standing(held=10_000)
    yield Example(
        "A donor's bank disputes the gift of $100.00; Stripe takes $15.00 for it.",
        rules.dispute_moved(_movement("dispute", -10_000, 1500), _GIFT, _back(_STARTS, held), _BOOKS),
    )
    yield Example(
        "Stripe takes $15.00 for answering the dispute.",
        rules.without_gift(_movement("fee", -1500, is_about_dispute=True), _BOOKS),
    )
    yield Example(
        "The dispute is won. The fee is not returned.",
        rules.dispute_moved(_movement("dispute_reversal", 10_000), _GIFT, _back(held, _STARTS), _BOOKS),
    )
    yield Example(
        "Or it is lost: no money moves at Stripe.", _lost(_GIFT, _back(held, Standing(lost=10_000)))
    )
    refunded = Standing(refunded=2500, held=10_000)
    yield Example(
        "All of it is disputed and lost after $25.00 was refunded: the donor has $25.00 too much.",
        _lost(_GIFT, _back(refunded, Standing(refunded=2500, lost=7500, beyond=2500))),
    )
    owed = Standing(refunded=5000, owed=5000, held=10_000)
    yield Example(
        "It is lost while a failed refund of $50.00 is owed: the debt is paid by it.",
        _lost(_GIFT, _back(owed, Standing(refunded=5000, lost=5000))),
    )
    yield Example(
        "The dispute of the ₩50,000 took $37.00 and is lost; the gift had brought $36.55.",
        _lost(_IN_WON, _back(Standing(held=3700), Standing(lost=50_000), 3655)),
    )
    yield Example(
        "It took $37.00, is won, and brings $36.10 back.",
        rules.dispute_moved(
            _movement("dispute_reversal", 3610), _IN_WON, _back(Standing(held=3700), _STARTS, 3655), _BOOKS
        ),
    )


def _lost(gift: Gift, back: MoneyBack) -> Entry:
    return rules.dispute_lost("dispute_lost:1", gift, back, _BOOKS, currency="usd", closed_at=_NOON)


def _stripes_own() -> Iterator[Example]:
    for happens, category, amount, fee in (
        ("Stripe pays $96.80 out to the bank.", "payout", -9680, 0),
        ("The payout fails, also after it was called paid.", "payout_reversal", 9680, 0),
        ("Stripe's balance is below nothing, and Stripe debits the bank for $25.00.", "payout", 2500, 0),
        ("The charity sends $50.00 to its Stripe balance.", "topup", 5000, 0),
        ("Stripe bills $7.42 for a service: Billing, Radar.", "fee", -742, 0),
        ("The card networks' costs, $1.20.", "network_cost", -120, 0),
        ("Tax on Stripe's fees, $0.53.", "tax", -53, 0),
        ("Stripe holds $50.00 in reserve.", "risk_reserved_funds", -5000, 0),
        ("Stripe lets the reserve go.", "risk_reserved_funds", 5000, 0),
        ("A correction of $9.00 that no rule knows, such as `other_adjustment`.", "other_adjustment", 900, 0),
        ("Money of a category Stripe invents next year.", "a_new_one", -900, 10),
    ):
        yield Example(happens, rules.without_gift(_movement(category, amount, fee), _BOOKS))


def _by_hand() -> Iterator[Example]:
    cheque = rules_by_hand.offline_gift(
        _GIFT, Account.UNDEPOSITED_FUNDS, _BOOKS, currency="usd", received_at=_NOON
    )
    yield Example("A cheque of $100.00 is received.", cheque)
    yield Example(
        "It is carried to the bank.",
        rules_by_hand.deposited("dep_1", Money(10_000, "usd"), _BOOKS, deposited_at=_NOON),
    )
    yield Example(
        "It bounces after that.",
        rules_by_hand.offline_gift_reversed(cheque, reversed_at=_NOON, is_deposited=True),
    )
    yield Example(
        "$100.00 arrives by bank transfer.",
        rules_by_hand.offline_gift(_GIFT, Account.BANK, _BOOKS, currency="usd", received_at=_NOON),
    )
    shares = Gift(donation_id="don_3", lines=(Line(Account.CONTRIBUTIONS_IN_KIND, 10_000, "general"),))
    yield Example(
        "Shares worth $100.00 are given.",
        rules_by_hand.offline_gift(shares, Account.GIFTS_IN_KIND, _BOOKS, currency="usd", received_at=_NOON),
    )
    yield Example(
        "A person says that the correction of $9.00 in suspense is a service fee given back.",
        rules_by_hand.classified(
            "txn_1", Money(-900, "usd"), Account.STRIPE_SERVICE_FEES, _BOOKS, fund_id=None, at=_NOON
        ),
    )
    yield Example(
        "That was wrong: it is a gift to the general fund.",
        rules_by_hand.reclassified(
            "txn_1",
            1,
            Move(Account.STRIPE_SERVICE_FEES, Account.SUSPENSE_UNCLASSIFIED, 900),
            (Account.CONTRIBUTIONS, "general"),
            _BOOKS,
            currency="usd",
            at=_NOON,
        ),
    )


def _bank() -> Iterator[Example]:
    arrived = rules_of_the_bank.payout_on_statement("bmt_1", Money(9680, "usd"), _BOOKS, booked_at=_NOON)
    yield Example("The payout of $96.80 is on the bank statement, on the bank's day.", arrived)
    yield Example(
        "The bank sends it back after that, or Stripe has debited the bank.",
        rules_of_the_bank.payout_on_statement("bmt_2", Money(-9680, "usd"), _BOOKS, booked_at=_NOON),
    )
    yield Example(
        "A person sees that it was another line.",
        rules_of_the_bank.not_on_statement(arrived, undone_at=_NOON),
    )
    yield Example(
        "The $50.00 that the charity sent to its Stripe balance are on the bank statement.",
        rules_of_the_bank.topup_on_statement("bmt_3", Money(-5000, "usd"), _BOOKS, booked_at=_NOON),
    )


def _before_the_book() -> Iterator[Example]:
    yield Example(
        "An account is adopted: Stripe held $1,200.00 on the day on which the book begins.",
        rules.without_gift(_movement(rules.OPENING_BALANCE, 120_000), _BOOKS),
    )
    yield Example(
        "$40.00 of a gift from before that day is refunded.",
        rules.of_earlier_gift(_movement("refund", -4000), _BOOKS),
    )
    yield Example(
        "A gift of $70.00 from before that day is disputed; the fee is $15.00.",
        rules.of_earlier_gift(_movement("dispute", -7000, 1500), _BOOKS),
    )


SECTIONS = (
    ("Money that comes", _gifts),
    ("Money that goes back", _money_back),
    ("Disputes", _disputes),
    ("Payouts, and what Stripe takes for itself", _stripes_own),
    ("Before the book begins", _before_the_book),
    ("The bank statement", _bank),
    ("What people write", _by_hand),
)


def page() -> str:
    """The whole page, in Markdown."""
    return "\n".join(
        [_PREFACE, *(line for title, rows in SECTIONS for line in _section(title, rows())), *_chart()]
    )


_PREFACE = """\
# Which entries the program makes

Generated from the rules by `python -m payments.ledger.postings_table`; a test keeps it current.

Every amount that Stripe moved is Stripe's own figure: gross, fee and net of its balance transactions.
Gifts, and what goes back of them, are kept by fund; the fund stands in brackets. Each line moves its
amount from the credited to the debited account, so every entry balances. What goes back is shared over
the gift's funds by cumulative largest remainder, at the value at which the gift was settled, rounded half
up; what the rate has changed since is `fx_gain_loss`.
"""


def _section(title: str, examples: Iterator[Example]) -> Iterator[str]:
    yield f"## {title}\n"
    yield "| What happens | Debit | Credit | Amount |"
    yield "|---|---|---|---:|"
    for example in examples:
        happens = example.happens
        for move in example.entry.moves:
            amount = Money(move.amount, example.entry.currency).format("en")
            debit, credit = _named(move, move.to_account), _named(move, move.from_account)
            yield f"| {happens} | {debit} | {credit} | {amount} |"
            happens = ""
    yield ""


def _named(move: Move, account: Account) -> str:
    has_fund = move.fund_id is not None and account.is_kept_by_fund
    return f"`{account}` ({move.fund_id})" if has_fund else f"`{account}`"


def _chart() -> Iterator[str]:
    yield "## The accounts\n"
    yield "| Account | Kind | By fund |"
    yield "|---|---|---|"
    for account in Account:
        yield f"| `{account}` | {account.kind} | {'yes' if account.is_kept_by_fund else ''} |"
    yield ""


if __name__ == "__main__":
    sys.stdout.write(page())
