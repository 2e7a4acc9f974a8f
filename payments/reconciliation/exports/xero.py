"""Xero: manual journals, and the lines of one account as a bank statement."""

from collections.abc import Iterator

from payments.ledger.accounts import Account
from payments.reconciliation.exports.cells import BOM, csv_lines, cut, decimal, guard
from payments.reconciliation.exports.format import Control, Frame, Option, Target, dates
from payments.reconciliation.exports.journal import Journal
from payments.reconciliation.exports.quickbooks import BYTE_ORDER_MARK

JOURNAL_COLUMNS = (
    *("*Narration", "*Date", "Description", "*AccountCode", "*TaxRate", "*Amount"),
    *("TrackingName1", "TrackingOption1", "TrackingName2", "TrackingOption2"),
)
BANK_COLUMNS = ("*Date", "*Amount", "Payee", "Description", "Reference", "Check Number")
_LONGEST_TEXT = 1000
_MOST_LINES = 300
"""Of manual journals, in one file (help.xero.com/nz/ManualJournalsImport)."""
_CURRENCY = Option("The base currency of the organisation in Xero, such as gbp.", pattern="[a-z]{3}")
_STATEMENTS = (Account.STRIPE_BALANCE, Account.BANK, Account.UNDEPOSITED_FUNDS)


def _manual_journals(journals: Iterator[Journal], frame: Frame, control: Control) -> Iterator[bytes]:
    def rows() -> Iterator[tuple[str, ...]]:
        yield JOURNAL_COLUMNS
        for journal in journals:
            # Xero makes one journal of all lines with the same narration and date: the number parts them.
            narration = cut(guard(f"{journal.number} {journal.memo}"), _LONGEST_TEXT)
            for side in journal.sides:
                control.rows += 1
                fund = frame.fund(side)
                yield (
                    narration,
                    frame.day(journal.day),
                    cut(guard(journal.external_id), _LONGEST_TEXT),
                    frame.account(side),
                    frame.options["tax_rate"],
                    decimal(side.signed, journal.currency),
                    frame.options["tracking_name"] if fund else "",
                    fund,
                    "",
                    "",
                )

    yield from _marked(frame)
    yield from csv_lines(rows())


def _bank_statement(journals: Iterator[Journal], frame: Frame, control: Control) -> Iterator[bytes]:
    account = frame.options["bank_account"]

    def rows() -> Iterator[tuple[str, ...]]:
        yield BANK_COLUMNS
        for journal in journals:
            amount = sum(side.signed for side in journal.sides if side.account == account)
            if not amount:
                continue
            control.rows += 1
            control.add(journal.currency, "received" if amount > 0 else "spent", abs(amount))
            yield (
                frame.day(journal.day),
                decimal(amount, journal.currency),
                guard(frame.options["payee"]),
                cut(guard(journal.memo), _LONGEST_TEXT),
                journal.number,
                "",
            )

    yield from _marked(frame)
    yield from csv_lines(rows())


def _marked(frame: Frame) -> Iterator[bytes]:
    if frame.options["bom"] == "true":
        yield BOM


JOURNALS = Target(
    name="xero",
    title="Xero, manual journals as CSV.",
    suffix=".csv",
    trap="Manual journals are in the base currency only, and never in an account that Xero holds as a bank"
    " account: give the Stripe balance a current-asset account. They arrive as drafts; post them."
    " A file has at most 300 lines: take `--granularity payout` or `month`.",
    options={
        "currency": _CURRENCY,
        "date_format": dates("As the organisation in Xero writes dates.", "DD/MM/YYYY"),
        "tax_rate": Option("Xero's name of the tax rate for every line.", "Tax Exempt"),
        "tracking_name": Option("The tracking category that tells the funds apart.", "Fund"),
        "bom": BYTE_ORDER_MARK,
    },
    of_journals=_manual_journals,
    is_only_home_currency=True,
    account_pattern=r"[^\s,]{1,10}",
    most_lines=_MOST_LINES,
)
BANK = Target(
    name="xero-bank",
    title="Xero, one account's movements as a bank statement.",
    suffix=".csv",
    trap="Import it into the account that stands for Stripe, and not beside `xero` journals of the same"
    " account: the money would be there twice.",
    options={
        "currency": _CURRENCY,
        "date_format": dates("As the organisation in Xero writes dates.", "DD/MM/YYYY"),
        "bank_account": Option(
            "Which of our accounts it is a statement of.",
            Account.STRIPE_BALANCE.value,
            "|".join(_STATEMENTS),
        ),
        "payee": Option("Who stands as payee.", "Stripe"),
        "bom": BYTE_ORDER_MARK,
    },
    of_journals=_bank_statement,
    needs_accounts=False,
    needs_funds=False,
    is_only_home_currency=True,
    entries="exists (select from journal_moves t where t.reference = e.reference"
    " and %(bank_account)s in (t.from_account, t.to_account))",
)
