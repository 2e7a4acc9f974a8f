"""Stripe's own reports of the year, as a person downloads them and takes them in."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from io import BytesIO

from sqlalchemy.orm import Session

from payments.money import exponent
from payments.reconciliation.stripe_reports import importing
from payments.reconciliation.stripe_reports.importing import Asked
from payments.staff import people
from tests.money_moves.small_stripe import Thing

_HEAD = "balance_transaction_id,created_utc,currency,gross,fee,net,reporting_category,source_id"


def takes_in_a_report(session: Session, first_day: date, rows: Sequence[Thing]) -> None:
    """Every movement of a month but the payouts."""
    lines = [
        f"{row['id']},{datetime.fromtimestamp(int(row['created']), UTC):%Y-%m-%d %H:%M:%S},{row['currency']},"
        f"{major(row['amount'], row['currency'])},{major(row['fee'], row['currency'])},"
        f"{major(row['net'], row['currency'])},{row['reporting_category']},{row['source'] or ''}"
        for row in rows
    ]
    last_day = (first_day + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    asked = Asked(first_day=first_day, last_day=last_day, time_zone="UTC")
    file = "\n".join([_HEAD, *lines, ""])
    take_in_report(session, file, f"balance_change_from_activity.itemized {first_day}.csv", asked)


def take_in_report(session: Session, file: str, file_name: str, asked: Asked) -> None:
    """By Finn."""
    finn = people.find(session, "finn@example.org")
    importing.take_in(session, BytesIO(file.encode()), file_name=file_name, asked=asked, by=finn)


def major(amount: int, currency: str) -> str:
    """As Stripe writes an amount."""
    digits = exponent(currency)
    whole = f"{abs(amount):0{digits + 1}d}"
    sign = "-" if amount < 0 else ""
    return f"{sign}{whole[:-digits]}.{whole[-digits:]}" if digits else f"{sign}{whole}"
