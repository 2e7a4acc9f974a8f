"""A merge in the middle of everything else: what is under way at this moment is the donor's too."""

import random
import threading
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, text

from payments.database import new_id, transaction
from payments.donations.models import Donation, IssuingEntity
from payments.jobs import OutOfTime
from payments.ledger.accounts import Account
from payments.ledger.models import JournalEntry, JournalMove
from payments.privacy import merging, unmerging
from payments.receipts import annual, issue, restating
from payments.receipts.models import GivingStatement, Receipt
from payments.staff.models import Role, StaffMember
from payments.supporters.merges import DonorMerge
from payments.webhooks.process import apply_due
from payments.webhooks.rebuild import rebuild
from tests.donations.test_checkout import _wait_until_somebody_waits
from tests.factories import a_donation
from tests.interrupted import just_before, time_is_up
from tests.money_moves.conftest import Charity
from tests.privacy.two_records import GONE, KEPT, breaches_found, merges, two_records
from tests.receipts.conftest import charity
from tests.receipts.register import a_person, settle_the_register
from tests.receipts.test_restating import YEAR, statements_are_settled, the_year_is_told
from tests.refunds.desk import Desk

__all__ = ["charity"]


@pytest.fixture
def officer(charity: Charity) -> StaffMember:
    return a_person("officer", Role.FINANCE)


def beside(work: Callable[[], Any]) -> threading.Thread:
    """Somebody does it in another transaction, as soon as they can."""
    thread = threading.Thread(target=work)
    thread.start()
    _wait_until_somebody_waits()
    return thread


def test_a_gift_that_is_begun_during_a_merge_waits_and_is_the_donors(
    charity: Charity, officer: StaffMember
) -> None:
    ones, others = (charity.gift(email=email).donor_id for email in (KEPT, GONE))
    begun: list[str] = []

    with transaction() as session:
        merging.merge(session, ones, others, by=officer, reason="hers")
        waiting = beside(lambda: begun.append(charity.gift(email=GONE).id))
    waiting.join(timeout=10)

    with transaction() as session:
        assert session.get_one(Donation, begun[0]).donor_id == ones
    assert breaches_found() == []


def test_a_merge_waits_for_a_gift_that_is_being_begun(charity: Charity, officer: StaffMember) -> None:
    ones, others = (charity.gift(email=email).donor_id for email in (KEPT, GONE))

    def merge() -> None:
        with transaction() as session:
            merging.merge(session, ones, others, by=officer, reason="hers")

    with transaction() as session:
        begun = a_donation(session, email=GONE)
        waiting = beside(merge)
    waiting.join(timeout=10)

    with transaction() as session:
        assert session.get_one(Donation, begun.id).donor_id == ones


def test_an_instalment_that_is_being_booked_is_the_donors_whoever_is_first(desk: Desk) -> None:
    kept, gone = two_records(desk)
    desk.house.stripe.tell("advance", months=1)
    desk.house.stripe.tell("advance", seconds=2 * 3600)
    desk.house.stripe_settles()
    desk.house.the_webhooks_arrive()

    with transaction() as session:
        assert apply_due(session).done
        waiting = beside(lambda: merges(desk, kept, gone))
    waiting.join(timeout=10)
    desk.house.the_workers_work()

    with transaction() as session:
        assert set(session.scalars(select(Donation.donor_id))) == {kept}
    assert len(desk.house.gifts()) == 4
    assert breaches_found() == []
    assert not rebuild().differences


def test_an_instalment_follows_its_promise_whatever_its_writer_believed(desk: Desk) -> None:
    kept, gone = two_records(desk)
    merges(desk, kept, gone)

    with transaction() as session:
        session.execute(
            text("""
                insert into donations (id, entity_id, donor_id, donor_name, locale, frequency, currency,
                    amount, fee_cover_amount, source, monthly_gift_id, stripe_invoice_id)
                select 'don_late', entity_id, :gone, donor_name, locale, 'monthly', currency, 3000, 0, '{}',
                    id, 'in_late' from monthly_gifts
            """),
            {"gone": gone},
        )

        assert session.scalar(text("select donor_id from donations where id = 'don_late'")) == kept


def test_two_who_merge_the_same_pair_at_once_do_it_once(charity: Charity, officer: StaffMember) -> None:
    ones, others = (charity.gift(email=email).donor_id for email in (KEPT, GONE))
    done: list[bool] = []

    def merge() -> None:
        with transaction() as session:
            done.append(merging.merge(session, ones, others, by=officer, reason="hers").plan is not None)

    with transaction() as session:
        first = merging.merge(session, ones, others, by=officer, reason="hers")
        waiting = beside(merge)
    waiting.join(timeout=10)

    assert (first.plan is not None, done) == (True, [False])


def test_a_statement_that_is_being_replaced_during_a_merge_is_replaced_for_the_donor(
    charity: Charity, officer: StaffMember
) -> None:
    others, charge = charity.paid_gift(("general", 700), email=GONE)
    charity.hears()
    settle_the_register()
    the_year_is_told()
    ones, _ = charity.paid_gift(("general", 5000))
    charity.stripe.refund(charge, 100)
    charity.hears()
    settle_the_register()

    def merge() -> None:
        with transaction() as session:
            merging.merge(session, ones.donor_id, others.donor_id, by=officer, reason="hers")

    with just_before("SAVEPOINT", merge), transaction() as session:
        restating.restate_due(session)
    statements_are_settled()

    assert breaches_found() == []
    with transaction() as session:
        standing = session.execute(
            select(GivingStatement.donor_id, GivingStatement.content["gifts"]).where(
                GivingStatement.status == "issued"
            )
        ).all()
    assert [(donor, len(gifts)) for donor, gifts in standing] == [(ones.donor_id, 2)]


@pytest.mark.parametrize(
    "point",
    ["insert into donor_merge_rows", "update monthly_gifts", "SELECT almoner_move", "INSERT INTO audit"],
)
def test_a_merge_that_is_broken_off_has_moved_nothing(
    charity: Charity, officer: StaffMember, point: str
) -> None:
    ones, others = (charity.gift(email=email).donor_id for email in (KEPT, GONE))

    with (
        pytest.raises(OutOfTime),
        just_before(point, time_is_up),
        transaction() as session,
    ):
        merging.merge(session, ones, others, by=officer, reason="hers")

    with transaction() as session:
        assert set(session.scalars(select(Donation.donor_id))) == {ones, others}
        assert not session.scalars(select(DonorMerge)).all()
        assert merging.merge(session, ones, others, by=officer, reason="hers").plan is not None


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("gives"), st.sampled_from([0, 1]), st.integers(100, 9000)),
        st.tuples(st.just("pays"), st.integers(0, 9), st.just(0)),
        st.tuples(st.just("gives back"), st.integers(0, 9), st.integers(1, 99)),
        st.tuples(st.just("hears"), st.integers(0, 99), st.just(0)),
        st.tuples(st.just("the year"), st.just(0), st.just(0)),
        st.tuples(st.just("merges"), st.sampled_from([0, 1]), st.just(0)),
        st.tuples(st.just("parts"), st.just(0), st.just(0)),
    ),
    min_size=4,
    max_size=10,
)


LAWS = (
    *("merged_donor_has_rows", "merge_without_trace", "merge_lost_a_row"),
    *("statement_lists_void_receipt", "statement_differs_from_register", "statement_replaces_wrongly"),
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_whenever_two_are_merged_no_gift_receipt_or_cent_is_lost(
    charity: Charity, officer: StaffMember, steps: list[tuple[str, int, int]]
) -> None:
    story = Story(charity, officer)
    for step, which, how in [("gives", 0, 500), ("gives", 1, 700), *steps]:
        story.take(step, which, how)
    story.ends()

    with transaction() as session:
        owners = dict(session.execute(select(Donation.id, Donation.donor_id)).all())
        income = dict(
            session.execute(
                select(JournalEntry.donation_id, func.sum(JournalMove.amount))
                .join(JournalMove, JournalMove.reference == JournalEntry.reference)
                .where(JournalMove.from_account == Account.CONTRIBUTIONS.value)
                .group_by(JournalEntry.donation_id)
            ).all()
        )
        receipted = set(session.scalars(select(Receipt.donation_id).where(Receipt.status == "issued")))
        listed = [
            line["receipt_number"]
            for content in session.scalars(
                select(GivingStatement.content).where(GivingStatement.status == "issued")
            )
            for line in content["gifts"]
        ]
        numbers = set(session.scalars(select(Receipt.number).where(Receipt.status == "issued")))
    for gift, (who, amount, given_back, is_paid) in story.gifts.items():
        assert owners[gift] == story.owner(who)
        assert income.get(gift, 0) == (amount if is_paid else 0)
        assert (gift in receipted) == (is_paid and given_back < amount)
    assert sorted(listed) == sorted(numbers)
    assert breaches_found(*LAWS) == []


class Story:
    """Two people, or one, who give and are merged and parted; and what should be so of it."""

    def __init__(self, charity: Charity, officer: StaffMember) -> None:
        self.charity, self.officer = charity, officer
        tag = new_id("x")
        self.emails = [f"one.{tag}@example.com", f"two.{tag}@example.com"]
        self.donors = ["", ""]
        self.into: list[int | None] = [None, None]
        self.gifts: dict[str, tuple[int, int, int, bool]] = {}
        self.rows: list[Donation] = []
        self.charges: dict[str, Any] = {}

    def owner(self, who: int) -> str:
        into = self.into[who]
        return self.donors[who if into is None else into]

    def take(self, step: str, which: int, how: int) -> None:
        if step == "gives":
            row = self.charity.gift(("general", how), email=self.emails[which])
            self.donors[which] = self.donors[which] or row.donor_id
            self.rows.append(row)
            self.gifts[row.id] = (which, how, 0, False)
        elif step == "pays":
            row = self.rows[which % len(self.rows)]
            if row.id not in self.charges:
                self.charges[row.id] = self.charity.stripe.charge(row.amount, 30, gift=row, currency="usd")
                who, amount, _, _ = self.gifts[row.id]
                self.gifts[row.id] = (who, amount, 0, True)
        elif step == "gives back" and self.charges:
            gift, charge = list(self.charges.items())[which % len(self.charges)]
            who, amount, before, _ = self.gifts[gift]
            part = min(amount - before, max(1, amount * how // 100))
            if part:
                self.charity.stripe.refund(charge, part)
                self.gifts[gift] = (who, amount, before + part, True)
        elif step == "hears":
            self.charity.hears(shuffled_by=random.Random(which))  # noqa: S311 - any order will do
        elif step == "the year":
            self.hears_all()
            self.the_year_is_numbered()
        elif step == "merges" and self.into == [None, None]:
            kept, gone = which, 1 - which
            with transaction() as session:
                merging.merge(session, self.donors[kept], self.donors[gone], by=self.officer, reason="one")
            self.into[gone] = kept
        elif step == "parts" and self.into != [None, None]:
            gone = 0 if self.into[0] is not None else 1
            with transaction() as session:
                unmerging.unmerge(session, self.donors[gone], by=self.officer, reason="two")
            self.into = [None, None]

    def hears_all(self) -> None:
        """Numbers are given; pages, which take most of the time, are not set."""
        self.charity.hears()
        looked_at = 1
        while looked_at:
            with transaction() as session:
                looked_at = issue.issue_due(session)
        self.statements_follow()

    def statements_follow(self) -> None:
        due = 1
        while due:
            with transaction() as session:
                due = restating.restate_due(session)

    def the_year_is_numbered(self) -> None:
        with transaction() as session:
            body = session.get_one(IssuingEntity, "us")
            restating.void_incomplete(session, body, YEAR)
            while annual.number_next(session, body, YEAR):
                pass

    def ends(self) -> None:
        self.hears_all()
        self.the_year_is_numbered()
        self.statements_follow()
