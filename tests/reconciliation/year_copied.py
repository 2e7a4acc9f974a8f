# ruff: noqa: S608 - nothing here comes from outside
"""A copy of the seeded year, in which something may go wrong.

Where life makes the error, life is told: Stripe says something, a bank sends a file, a person records a
gift. What the house itself refuses is written behind its back, as a restored backup or an owner of the
database would.
"""

from collections.abc import Sequence
from copy import deepcopy
from datetime import UTC, date, datetime, time
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from payments.donations.offline import Channel
from payments.donations.recording import Paper
from payments.donations.wishes import Share
from payments.money import Money
from payments.receipts.issue import issue_due
from payments.receipts.owing import take_in
from payments.reconciliation import bank_import
from payments.reconciliation.models import BankLine, BankStatement
from payments.reconciliation.stripe_reports import figures
from payments.reconciliation.stripe_reports.importing import Asked
from payments.staff import people
from payments.webhooks import inbox
from payments.webhooks.process import apply_due
from tests.money_moves.small_stripe import SmallStripe, Thing
from tests.reconciliation.statement_writers import Booked, Stretch, as_korean_csv
from tests.reconciliation.year import Year
from tests.reconciliation.year_reported import major, take_in_report, takes_in_a_report

Named = tuple[str, str, int | None, str | None]
"""A finding as it must be: kind, subject, amount in minor units, currency."""


class Copy:
    """One copy of the year, in a transaction that is never committed."""

    def __init__(self, session: Session, year: Year) -> None:
        self.session = session
        self.year = deepcopy(year)
        self.stripe: SmallStripe = self.year.stripe

    def on(self, day: date) -> SmallStripe:
        """Stripe on a day at noon."""
        self.stripe.now = int(datetime.combine(day, time(20), UTC).timestamp())
        return self.stripe

    def hears(self) -> None:
        """What Stripe said arrives, is applied, and the receipts are numbered."""
        inbox.store(self.session, self.stripe.news())
        done = 1
        while done:
            self.session.execute(
                text("update stripe_event_queue set next_at = now() where parked_reason is null")
            )
            done = apply_due(self.session, limit=500).done
        while issue_due(self.session):
            pass

    def behind_the_back(self, *statements: str) -> list[Any]:
        """As the owner of the database, whatever its triggers say; the rows of the last statement."""
        self.session.flush()
        self.session.execute(text("set local session_replication_role = replica"))
        rows: list[Any] = []
        for each in statements:
            done = self.session.execute(text(each))
            rows = list(done) if done.returns_rows else []
            assert rows or not done.returns_rows, f"changed nothing: {each}"
        self.session.execute(text("set local session_replication_role = origin"))
        self.session.expire_all()
        return rows

    def the_bank_says(self, *lines: Booked, account: str = "won") -> list[BankLine]:
        """A statement that follows from the last."""
        finn = people.find(self.session, "finn@example.org")
        opening = self.session.scalars(
            select(BankStatement.closing)
            .where(BankStatement.bank_account_id == account)
            .order_by(BankStatement.last_day.desc())
            .limit(1)
        ).one()
        first_day, last_day = lines[0][0], lines[-1][0]
        told = Stretch(first_day=first_day, last_day=last_day, opening=opening or 0, lines=lines)
        taken = bank_import.take_in(
            self.session,
            as_korean_csv(told),
            file_name="more",
            account_id=account,
            by=finn,
            first_day=first_day,
            last_day=last_day,
        )
        return list(
            self.session.scalars(
                select(BankLine)
                .where(BankLine.bank_statement_id == taken.statement.id)
                .order_by(BankLine.position)
            )
        )

    def a_transfer(self, amount: int, received_on: date) -> str:
        """A gift by bank transfer that Finn records."""
        paper = Paper(
            channel=Channel.BANK_TRANSFER,
            amount=Money(amount, "usd"),
            shares=(Share("general", amount),),
            donor_name="Ada Park",
            received_on=received_on,
        )
        finn = people.find(self.session, "finn@example.org")
        return take_in(self.session, paper, payer_email="paper@example.com", by=finn).donation.id

    def takes_off_the_statement(self, payout_id: str, kind: str = "payout") -> None:
        """The line of a payout was never there, and the balance of its account is that much another."""
        self.behind_the_back(
            f"""with gone as (
                    delete from bank_matches where kind = '{kind}' and subject_id = '{payout_id}'
                    returning bank_line_id
                ), line as (
                    delete from bank_lines where id in (select bank_line_id from gone) returning *
                )
                update bank_statements s set closing = s.closing - line.amount
                from line where s.bank_account_id = line.bank_account_id and s.last_day = '2025-12-31'
                returning s.id""",
        )

    def of_the_month(self, month: int) -> list[Thing]:
        """What moved at Stripe in a month of the year, payouts apart, as the book has it."""
        rows = self.session.execute(
            text("""
                select stripe_balance_transaction_id as id, reporting_category, amount, fee, net, currency,
                    extract(epoch from created_at)::bigint as created, source_id as source
                from balance_transactions
                where reporting_category not in ('payout', 'payout_reversal')
                    and created_at >= make_date(2025, :month, 1)
                    and created_at < make_date(2025, :month, 1) + interval '1 month'
                order by created_at, 1
            """),
            {"month": month},
        )
        return [dict(row._mapping) for row in rows]

    def takes_in_a_report(self, month: int, rows: Sequence[Thing]) -> None:
        """Stripe's report of a month, downloaded and taken in."""
        takes_in_a_report(self.session, date(2025, month, 1), rows)

    def ends_with(self) -> int:
        """What was in the balance in dollars at the end of May."""
        book = figures.of_the_book(
            self.session, first_day=date(2025, 5, 1), last_day=date(2025, 5, 31), time_zone="UTC"
        )
        return book["usd", "ending_balance"]

    def takes_in_a_balance(self, *, ending: int) -> None:
        """Stripe's summary of May, downloaded and taken in."""
        file = f"category,net_amount,currency\nending_balance,{major(ending, 'usd')},usd\n"
        asked = Asked(first_day=date(2025, 5, 1), last_day=date(2025, 5, 31), time_zone="UTC")
        take_in_report(self.session, file, "balance.summary.csv", asked)


def an_ordinary_gift(copy: Copy, number: int) -> str:
    """One of the gifts in dollars to which nothing else happens."""
    plain = [
        gift_id
        for name, gift_id in copy.year.gift_ids.items()
        if name.startswith("2025-") and copy.year.charges[name]["currency"] == "usd"
    ]
    return plain[10 * number]


def its_charge(copy: Copy, gift_id: str) -> Thing:
    [name] = [name for name, each in copy.year.gift_ids.items() if each == gift_id]
    return copy.year.charges[name]


def payout_of(copy: Copy, monday: str) -> str:
    return str(copy.year.things[f"payout of {monday}"]["id"])


def amount_of(copy: Copy, monday: str) -> int:
    return int(copy.year.things[f"payout of {monday}"]["amount"])
