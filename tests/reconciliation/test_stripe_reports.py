"""Stripe's own reports beside the book: as it is nothing is found, and one changed digit is found once."""

import csv
import io
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import settings as how
from hypothesis import strategies as st
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from payments.database import engine, transaction
from payments.ledger.models import BalanceTransaction
from payments.money import exponent
from payments.reconciliation import reconcile
from payments.reconciliation.models import Payout, PayoutLine
from payments.reconciliation.stripe_reports import importing
from payments.reconciliation.stripe_reports.importing import Asked, Imported
from payments.reconciliation.stripe_reports.models import StripeReport, StripeReportRow
from payments.reconciliation.stripe_reports.reading import Kind, ReportRefused
from payments.staff.models import StaffMember
from tests.reconciliation.treasury import Treasury

ZONE = ZoneInfo("America/Los_Angeles")
START = datetime(2026, 10, 1, 7, 30, tzinfo=UTC)
Table = list[dict[str, str]]


def movements() -> list[dict[str, Any]]:
    """Forty of October in three currencies, of most kinds, in four payouts."""
    made = []
    for place in range(40):
        currency = ("usd", "usd", "krw", "kwd")[place % 4]
        category, amount, fee = (
            ("charge", 2500 + 110 * place, 103 + place),
            ("charge", 10000 + 10 * place, 320),
            ("refund", -1000 - 10 * place, 0),
            ("dispute", -2000, 1500),
            ("fee", -740 - 10 * place, 0),
        )[place % 5]
        made.append(
            {
                "stripe_balance_transaction_id": f"txn_1{place:023d}",
                "reporting_category": category,
                "type": category,
                "source_id": f"ch_{place}" if category != "fee" else None,
                "amount": amount,
                "fee": fee,
                "net": amount - fee,
                "currency": currency,
                "description": None,
                "exchange_rate": None,
                "created_at": START + timedelta(hours=17 * place, minutes=place),
                "available_on": START + timedelta(days=2),
                "payout": f"po_{currency}_{place // 20}",
            }
        )
    return made


def a_payout(payout_id: str, movements: list[dict[str, Any]]) -> dict[str, Any]:
    ours = [each for each in movements if each["payout"] == payout_id]
    return {
        "stripe_payout_id": payout_id,
        "amount": sum(each["net"] for each in ours),
        "currency": ours[0]["currency"],
        "status": "paid",
        "made_at": START + timedelta(days=29),
        "arrives_on": date(2026, 11, 2),
        "is_automatic": True,
        "method": "standard",
        "reconciliation_status": "completed",
        "said_at": START,
        "listed_at": START,
    }


def written(amount: int, currency: str) -> str:
    """As Stripe does: major units, without needless noughts."""
    digits = exponent(currency)
    if not digits:
        return str(amount)
    whole, part = divmod(abs(amount), 10**digits)
    text = f"{whole}.{part:0{digits}d}".rstrip("0").rstrip(".")
    return f"-{text}" if amount < 0 else text


def itemized(movements: list[dict[str, Any]]) -> Table:
    """The report's rows, its columns in an order of their own and a donor among them."""
    return [
        {
            "customer_email": "ada@example.com",
            "reporting_category": each["reporting_category"],
            "net": written(each["net"], each["currency"]),
            "balance_transaction_id": each["stripe_balance_transaction_id"],
            "currency": each["currency"].upper() if place % 3 else each["currency"],
            "source_id": each["source_id"] or "",
            "created": f"{each['created_at'].astimezone(ZONE):%Y-%m-%d %H:%M:%S}",
            "fee": written(each["fee"], each["currency"]),
            "payment_metadata[donation]": "don_1",
            "automatic_payout_id": each["payout"],
            "gross": written(each["amount"], each["currency"]),
        }
        for place, each in enumerate(movements)
    ]


def as_csv(table: Table, delimiter: str = ",") -> bytes:
    file = io.StringIO()
    sheet = csv.DictWriter(file, list(table[0]), delimiter=delimiter)
    sheet.writeheader()
    sheet.writerows(table)
    return file.getvalue().encode()


def keep_in_the_book(session: Session) -> list[dict[str, Any]]:
    made = movements()
    payouts = sorted({each["payout"] for each in made})
    session.execute(insert(Payout), [a_payout(payout, made) for payout in payouts])
    session.execute(
        insert(BalanceTransaction), [{k: v for k, v in each.items() if k != "payout"} for each in made]
    )
    session.execute(
        insert(PayoutLine),
        [
            {
                "stripe_payout_id": each["payout"],
                "stripe_balance_transaction_id": each["stripe_balance_transaction_id"],
                "net": each["net"],
            }
            for each in made
        ],
    )
    return made


@pytest.fixture
def book(finn: StaffMember) -> list[dict[str, Any]]:
    """The movements, in the book and in their payouts."""
    with transaction() as session:
        return keep_in_the_book(session)


Take = Callable[..., Imported]


@pytest.fixture
def take(finn: StaffMember) -> Take:
    """Finn imports a table, or the bytes of one, for good."""

    def take(table: Table | bytes, kind: Kind = Kind.BALANCE_CHANGE, **asked: Any) -> Imported:
        with transaction() as session:
            return taken(session, finn, table, kind, **asked)

    return take


def taken(
    session: Session, finn: StaffMember, table: Table | bytes, kind: Kind | None, **asked: Any
) -> Imported:
    file = table if isinstance(table, bytes) else as_csv(table)
    name = asked.pop("file_name", "report.csv")
    return importing.take_in(
        session, io.BytesIO(file), file_name=name, asked=Asked(kind=kind, **asked), by=finn
    )


@pytest.mark.parametrize("kind", [Kind.BALANCE_CHANGE, Kind.PAYOUT_RECONCILIATION])
def test_a_report_that_says_what_the_book_says_finds_nothing(kind: Kind, book: list, take: Take):
    done = take(itemized(book), kind)

    assert done.differences == []
    assert done.report.row_count == 40
    assert {each["report_net"] == each["book_net"] for each in done.report.totals} == {True}
    assert sum(each["report_count"] for each in done.report.totals) == 40


def test_nothing_about_a_donor_is_kept(book: list, take: Take):
    take(itemized(book))

    with engine().connect() as connection:
        for table in (StripeReport, StripeReportRow):
            for row in connection.execute(select(table.__table__)):
                assert "ada@example.com" not in str(row)
                assert "don_1" not in str(row)


def digits_of(table: Table) -> list[tuple[int, str, int]]:
    """Every digit that a hand could slip on: row, column, place."""
    return [
        (row, column, place)
        for row, cells in enumerate(table)
        for column in ("gross", "fee", "net", "balance_transaction_id", "created", "automatic_payout_id")
        for place, letter in enumerate(cells[column])
        if letter.isdigit()
    ]


TABLE = itemized(movements())
DIGITS = digits_of(TABLE)


def is_a_time(written: str) -> bool:
    try:
        datetime.fromisoformat(written)
    except ValueError:
        return False
    return True


@pytest.mark.usefixtures("book")
@pytest.mark.parametrize("kind", [Kind.BALANCE_CHANGE, Kind.PAYOUT_RECONCILIATION])
def test_one_changed_digit_is_one_exception_that_names_the_movement(kind: Kind, finn: StaffMember):
    @how(max_examples=15)
    @given(where=st.sampled_from(DIGITS), by=st.integers(1, 9))
    def slip(where: tuple[int, str, int], by: int) -> None:
        row, column, place = where
        table = [dict(cells) for cells in TABLE]
        cell = table[row][column]
        changed = cell[:place] + str((int(cell[place]) + by) % 10) + cell[place + 1 :]
        table[row][column] = changed
        with Session(engine()) as session:
            if column == "created" and not is_a_time(changed):
                with pytest.raises(ReportRefused, match=f"Line {row + 2}"):
                    taken(session, finn, table, kind)
                return
            done = taken(session, finn, table, kind)
            assert [each.subject_id for each in done.differences] == [TABLE[row]["balance_transaction_id"]], (
                where,
                changed,
                [each.says for each in done.differences],
            )
            session.rollback()

    slip()


def test_a_cent_blocks_the_month_until_a_right_report_comes(book: list, take: Take, finn: StaffMember):
    wrong = itemized(book)
    wrong[3]["net"] = written(movements()[3]["net"] + 10, "kwd")
    take(wrong)

    with transaction() as session:
        found = [row for row in reconcile.reconcile(session).open if row.kind.startswith("report_")]
    take(itemized(book))
    with transaction() as session:
        left = [row for row in reconcile.reconcile(session).open if row.kind.startswith("report_")]

    assert [(row.kind, row.amount, row.currency, row.blocks_close) for row in found] == [
        ("report_row_differs", 10, "kwd", True)
    ]
    assert book[3]["stripe_balance_transaction_id"] in found[0].sentence
    assert left == []


def test_what_the_report_lacks_and_what_the_book_lacks_are_told_apart(book: list, take: Take):
    table = itemized(book)
    lost = table.pop(11)["balance_transaction_id"]
    table.append({**table[4], "balance_transaction_id": "txn_other", "net": "99", "source_id": "ch_other"})

    done = take(table)

    assert [(each.kind, each.subject_id) for each in done.differences] == [
        ("extra", "txn_other"),
        ("missing", lost),
    ]


def test_days_that_the_report_should_tell_are_missed_where_they_are_said(book: list, take: Take):
    table = itemized(book)[:-1]

    by_itself = take(table)
    said = take(table, first_day=date(2026, 10, 1), last_day=date(2026, 10, 31))

    assert by_itself.differences == []
    assert [(each.kind, each.subject_id) for each in said.differences] == [
        ("missing", book[-1]["stripe_balance_transaction_id"])
    ]
    assert take(table, first_day=date(2026, 10, 1), last_day=date(2026, 10, 31)).is_known_file


def test_a_comma_and_semicolons_are_read_where_they_are_said(book: list, take: Take):
    table = [
        {
            name: cell.replace(".", ",") if name in {"gross", "fee", "net"} else cell
            for name, cell in row.items()
        }
        for row in itemized(book)
    ]

    with pytest.raises(ReportRefused, match="--decimal-separator comma"):
        take(as_csv(table, ";"))
    assert take(as_csv(table, ";"), decimal_separator=",").differences == []


def test_a_missing_column_is_named(book: list, take: Take):
    table = [{name: cell for name, cell in row.items() if name != "fee"} for row in itemized(book)]

    with pytest.raises(ReportRefused, match="lacks the column fee"):
        take(table)


def test_a_report_made_in_another_time_zone_is_asked_about(book: list, take: Take, monkeypatch: Any):
    monkeypatch.setattr(importing, "MOST_DIFFERENCES", 30)

    with pytest.raises(ReportRefused, match="--time-zone"):
        take(itemized(book), time_zone="Asia/Seoul")
    with transaction() as session:
        assert session.scalars(select(StripeReportRow)).first() is None


def test_the_reports_of_the_sandbox_agree_with_the_house(treasury: Treasury, tmp_path: Path):
    """The whole way: money moves at Stripe, Stripe reports it, Finn imports it at the terminal."""
    gift = treasury.a_paid_gift(2500)
    treasury.a_paid_gift(30000, currency="krw")
    charge = treasury.house.stripe.list("charges")[-1]["id"]
    treasury.house.stripe.tell(f"charges/{charge}/refund", amount=500)
    treasury.everybody_works()
    treasury.stripe_pays_out()
    treasury.a_paid_gift(4000)
    treasury.everybody_works()
    today = date.today()  # noqa: DTZ011
    days = ("--from", str(today - timedelta(days=1)), "--to", str(today + timedelta(days=9)))
    now = ("--from", str(today - timedelta(days=1)), "--to", str(today + timedelta(days=1)))
    for report, stretch in (
        ("balance_change_from_activity.itemized.3", now),
        ("payout_reconciliation.itemized.5", days),
        ("ending_balance_reconciliation.itemized.4", now),
        ("ending_balance_reconciliation.itemized.4", days),
        ("balance.summary.1", now),
        ("balance.summary.1", days),
    ):
        file = str(tmp_path / f"{report}{stretch[-1]}.csv")
        treasury.almoner("sandbox", "report", report, "--out", file, *stretch)
        said = treasury.types("stripe", "import-report", file, "--time-zone", "UTC", *stretch, "--json")
        assert said.error is None, said.error
        assert said.json["differences"] == [], (report, stretch)
        assert said.json["rows"] > 0, report
        assert said.exit_code == 0
    assert gift.id
    listed = treasury.almoner("stripe", "reports", "--json").json
    assert len({(row["kind"], row["last_day"]) for row in listed}) == len(listed) == 6
