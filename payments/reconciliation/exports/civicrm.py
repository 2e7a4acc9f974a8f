"""CiviCRM: contributions for its import, one for each fund of a gift.

A contribution has one financial type, so a split gift is several, their `trxn_id` counted; the covered fee
goes with the first. Fee and net are left out where they are in another currency than the gift: a row has
one.
"""

from collections.abc import Iterator

from sqlalchemy.orm import Session

from payments.money import split
from payments.reconciliation.exports import gifts
from payments.reconciliation.exports.cells import BOM, csv_lines, decimal, guard
from payments.reconciliation.exports.format import Control, Frame, Option, Target, dates
from payments.reconciliation.exports.gifts import GiftRow, State
from payments.reconciliation.exports.quickbooks import BYTE_ORDER_MARK

COLUMNS = (
    *("external_identifier", "email", "first_name", "last_name", "organization_name", "total_amount"),
    *("currency", "financial_type_id", "receive_date", "payment_instrument_id", "trxn_id", "invoice_id"),
    *("fee_amount", "net_amount", "non_deductible_amount", "contribution_status_id", "source"),
    *("check_number", "cancel_date", "cancel_reason"),
)
_STATUSES = {
    State.STANDS: "Completed",
    State.PARTLY_BACK: "Completed",
    State.REFUNDED: "Refunded",
    State.CHARGED_BACK: "Chargeback",
    State.TAKEN_BACK: "Cancelled",
}


def _write(session: Session, frame: Frame, control: Control) -> Iterator[bytes]:
    def lines() -> Iterator[tuple[str, ...]]:
        yield COLUMNS
        for gift in gifts.rows(session, frame):
            for line in _lines(gift, frame):
                control.rows += 1
                yield line
            control.add(gift.currency, "total_amount", gift.stands)

    if frame.options["bom"] == "true":
        yield BOM
    yield from csv_lines(lines())


def _lines(gift: GiftRow, frame: Frame) -> Iterator[tuple[str, ...]]:
    amounts = [amount for _, amount in gift.allocations]
    amounts[0] += gift.fee_cover
    weights = amounts if any(amounts) else [1] * len(amounts)
    fees = split(gift.fee, weights) if gift.fee is not None else None
    benefits = split(gift.benefit, weights)
    is_over = gift.state not in {State.STANDS, State.PARTLY_BACK}
    first, last = gift.first_and_last_name
    for place, (fund_id, _) in enumerate(gift.allocations):
        number = gift.id if len(amounts) == 1 else f"{gift.id}-{place + 1}"
        yield (
            gift.donor_id,
            guard(gift.email),
            guard(first) if gift.is_person else "",
            guard(last) if gift.is_person else "",
            "" if gift.is_person else guard(gift.name),
            decimal(amounts[place], gift.currency),
            gift.currency.upper(),
            frame.funds[fund_id] or frame.options["financial_type"],
            frame.day(gift.gift_date),
            frame.options[gift.method],
            number,
            number,
            decimal(fees[place], gift.currency) if fees is not None else "",
            decimal(amounts[place] - fees[place], gift.currency) if fees is not None else "",
            decimal(benefits[place], gift.currency),
            _STATUSES[gift.state],
            guard(gift.campaign),
            guard(gift.cheque_number),
            frame.day(gift.back_on) if is_over and gift.back_on is not None else "",
            gift.state.value if is_over else "",
        )


TARGET = Target(
    name="civicrm",
    title="CiviCRM: contributions for its import.",
    suffix=".csv",
    trap="It holds donors' names and addresses: keep it no longer than the import. Import new rows"
    " first; what came before is updated in a second run, matched by trxn_id.",
    options={
        "financial_type": Option("The financial type of a fund without one of its own.", "Donation"),
        "date_format": dates("As the import is told.", "YYYY-MM-DD"),
        **gifts.METHODS,
        "bom": BYTE_ORDER_MARK,
    },
    of_rows=_write,
    needs_accounts=False,
    holds_personal_data=True,
    entries=gifts.OF_GIFTS,
    in_currency=gifts.IN_CURRENCY,
)
