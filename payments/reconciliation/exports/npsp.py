"""Salesforce with the Nonprofit Success Pack: rows for its Data Import, with control totals.

The batch in Salesforce asks for an expected count and total and refuses to run if they differ: the control
totals of the export are those two. Our own gift id goes along, so that a gift that comes again is found.
"""

from collections.abc import Iterator

from sqlalchemy.orm import Session

from payments.errors import AlmonerError
from payments.reconciliation.exports import gifts
from payments.reconciliation.exports.cells import BOM, csv_lines, cut, decimal, guard
from payments.reconciliation.exports.format import Control, Frame, Option, Target, dates
from payments.reconciliation.exports.gifts import GiftRow, State
from payments.reconciliation.exports.quickbooks import BYTE_ORDER_MARK, CURRENCY

_COLUMNS = (
    *("Contact1_Firstname__c", "Contact1_Lastname__c", "Contact1_Personal_Email__c", "Account1_Name__c"),
    *("Donation_Donor__c", "Donation_Amount__c", "Donation_Date__c", "Donation_Name__c"),
    *("Donation_Stage__c", "Donation_Type__c", "Donation_Campaign_Name__c", "Payment_Method__c"),
    *("Payment_Check_Reference_Number__c", "Donation_Tribute_Type__c", "Donation_Honoree_Name__c"),
)
_TRIBUTES = {"in_honour": "Honor", "in_memory": "Memorial"}
_LONGEST_NAME = 80
_LONGEST_FIRST_NAME = 40


class MoreFundsThanColumns(AlmonerError):
    """A gift is split over more funds than the file has columns for."""

    def __init__(self, funds: int) -> None:
        super().__init__(
            f"A gift is split over {funds} funds: set options.allocations to at least that, and map"
            " as many GAU allocations in Salesforce's Advanced Mapping."
        )


def _write(session: Session, frame: Frame, control: Control) -> Iterator[bytes]:
    options = frame.options
    prefix, places = options["prefix"], int(options["allocations"])

    def lines() -> Iterator[list[str]]:
        allocations = [
            f"GAU_Allocation_{place}_{part}__c"
            for place in range(1, places + 1)
            for part in ("GAU", "Amount", "Percent")
        ]
        named = [f"{prefix}{column}" for column in (*_COLUMNS, *allocations)]
        yield [*named, "CurrencyIsoCode", options["id_column"]]
        for gift in gifts.rows(session, frame):
            control.rows += 1
            control.add(gift.currency, "donation_amount", gift.stands)
            yield _line(gift, frame, places)

    if options["bom"] == "true":
        yield BOM
    yield from csv_lines(lines())


def _line(gift: GiftRow, frame: Frame, places: int) -> list[str]:
    options = frame.options
    first, last = gift.first_and_last_name
    funds = [(frame.funds[fund_id], amount) for fund_id, amount in gift.allocations if frame.funds[fund_id]]
    if len(funds) > places:
        raise MoreFundsThanColumns(len(funds))
    allocations = [cell for name, amount in funds for cell in (name, decimal(amount, gift.currency), "")]
    stands = gift.state in {State.STANDS, State.PARTLY_BACK}
    return [
        cut(guard(first), _LONGEST_FIRST_NAME) if gift.is_person else "",
        cut(guard(last), _LONGEST_NAME) if gift.is_person else "",
        guard(gift.email) if gift.is_person else "",
        "" if gift.is_person else guard(gift.name),
        "Contact1" if gift.is_person else "Account1",
        decimal(gift.stands, gift.currency),
        frame.day(gift.gift_date),
        cut(guard(f"{gift.name} {gift.gift_date}"), _LONGEST_NAME),
        options["stage_won"] if stands else options["stage_lost"],
        guard(options["donation_type"]),
        guard(gift.campaign),
        options[gift.method],
        guard(gift.cheque_number),
        _TRIBUTES.get(gift.dedication_kind or "", ""),
        guard(gift.dedication_name),
        *(allocations + [""] * (3 * places - len(allocations))),
        gift.currency.upper(),
        gift.id,
    ]


TARGET = Target(
    name="npsp",
    title="Salesforce Nonprofit Success Pack: donors and gifts for its Data Import.",
    suffix=".csv",
    trap="It holds donors' names and addresses: keep it no longer than the import. Map the column of our"
    " gift id in Advanced Mapping and match by it, or a gift that comes again is there twice.",
    options={
        "currency": CURRENCY,
        "multicurrency": Option("`true`: the org has several currencies.", "false", "true|false"),
        "prefix": Option(
            "Of the fields: `npsp__` for the managed package, or nothing.", "npsp__", "(npsp__)?"
        ),
        "id_column": Option("The field of ours that holds the gift's id.", "Almoner_Gift_ID__c", r"\w+__c"),
        "date_format": dates("As the import reads dates.", "YYYY-MM-DD"),
        "stage_won": Option("The stage of a gift that stands.", "Closed Won"),
        "stage_lost": Option("The stage of one that went back.", "Closed Lost"),
        "donation_type": Option("Donation_Type__c of every gift.", ""),
        "allocations": Option("How many GAU allocations a row has.", "2", "[1-9]"),
        **gifts.METHODS,
        "bom": BYTE_ORDER_MARK,
    },
    of_rows=_write,
    needs_accounts=False,
    is_only_home_currency=True,
    holds_personal_data=True,
    entries=gifts.OF_GIFTS,
    in_currency=gifts.IN_CURRENCY,
)
