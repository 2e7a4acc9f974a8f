"""What may be asked of a monthly gift, what is refused in which words, and what a later ask undoes."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from payments.donations.models import GivingTerms, Organisation
from payments.donations.wishes import AmountTooLarge, AmountTooSmall, CurrencyNotOffered, WishRefused
from payments.mail.models import OutgoingMail
from payments.money import Money
from payments.monthly import changes, refusals
from payments.monthly.changes import Asked
from payments.monthly.models import EndReason, MonthlyChange, MonthlyGift
from payments.monthly.refusals import ChangeRefused
from payments.translations import sentence_for
from tests.monthly.promises import a_monthly_gift
from tests.monthly.promises import terms as some_terms

Ask = Callable[[Session, str], Any]

NEXT = datetime.now(UTC).replace(microsecond=0) + timedelta(days=10)

EVERY_CHANGE: dict[str, Ask] = {
    "pause": lambda session, id_: changes.pause(session, id_, months=2),
    "skip": changes.skip_one,
    "resume": changes.resume,
    "amount": lambda session, id_: changes.change_amount(session, id_, amount=Money(5000, "usd")),
    "day": lambda session, id_: changes.change_day(session, id_, day=5),
}


@pytest.fixture
def gift(organisation: Organisation, session: Session) -> MonthlyGift:
    """Ada's $30.00 a month, active; the next charge is ten days away."""
    return a_monthly_gift(session, next_charge_at=NEXT, said_at=datetime.now(UTC) - timedelta(days=20))


def asked(session: Session, gift: MonthlyGift) -> list[tuple[str, str]]:
    rows = session.scalars(
        select(MonthlyChange)
        .where(MonthlyChange.monthly_gift_id == gift.id)
        .order_by(MonthlyChange.asked_at)
        .execution_options(populate_existing=True)
    )
    return [(row.kind, row.status) for row in rows]


def letters(session: Session) -> list[str]:
    rows = session.scalars(select(OutgoingMail.reference).order_by(OutgoingMail.reference))
    return [reference.partition(":")[0] for reference in rows]


def sent(session: Session, change: MonthlyChange) -> None:
    """A worker has it in its hand."""
    change.first_submitted_at = change.asked_at
    session.flush()


def done(session: Session, change: MonthlyChange) -> None:
    """Stripe has done it."""
    change.status, change.done_at = "done", datetime.now(UTC)  # type: ignore[assignment]
    session.flush()


def test_an_end_counts_from_the_moment_it_is_asked_for_and_is_confirmed(
    session: Session, gift: MonthlyGift
) -> None:
    before = datetime.now(UTC)

    changes.cancel(session, gift.id)

    assert gift.status == "ended"
    assert gift.end_reason == "donor"
    assert gift.ended_at is not None
    assert before <= gift.ended_at <= datetime.now(UTC)
    assert asked(session, gift) == [("cancel", "requested")]
    assert letters(session) == ["monthly_cancelled"]


def test_an_end_asked_for_twice_is_one_end(session: Session, gift: MonthlyGift) -> None:
    changes.cancel(session, gift.id)
    first = gift.ended_at

    changes.cancel(session, gift.id)
    _, was_running = changes.stop(session, gift.id, Asked(by="stf_1"), reason=EndReason.STAFF)

    assert not was_running
    assert gift.ended_at == first
    assert gift.end_reason == "donor"
    assert asked(session, gift) == [("cancel", "requested")]
    assert letters(session) == ["monthly_cancelled"]


def test_an_end_overtakes_everything_that_waits_even_what_is_under_way(
    session: Session, gift: MonthlyGift
) -> None:
    changes.change_day(session, gift.id, day=5)
    sent(session, changes.pause(session, gift.id, months=3))

    changes.cancel(session, gift.id)

    assert asked(session, gift) == [
        ("change_day", "overtaken"),
        ("pause", "overtaken"),
        ("cancel", "requested"),
    ]


@pytest.mark.parametrize("status", ["pending", "active", "behind", "paused", "lapsed"])
def test_a_gift_can_be_ended_wherever_it_stands(session: Session, gift: MonthlyGift, status: str) -> None:
    gift.status = status  # type: ignore[assignment]
    session.flush()

    _, was_running = changes.stop(session, gift.id, Asked(by="dispute:dp_1"), reason=EndReason.DISPUTE)

    assert was_running
    assert gift.end_reason == "dispute"
    assert letters(session) == ["monthly_ended"]


def test_what_never_started_is_not_ended(session: Session, gift: MonthlyGift) -> None:
    gift.status = "never_started"  # type: ignore[assignment]
    session.flush()

    _, was_running = changes.stop(session, gift.id, Asked(by="stf_1"), reason=EndReason.STAFF)

    assert not was_running
    assert asked(session, gift) == []


@pytest.mark.parametrize("ask", EVERY_CHANGE.values(), ids=EVERY_CHANGE)
@pytest.mark.parametrize(
    ("status", "refusal"),
    [
        ("ended", refusals.HasEnded),
        ("never_started", refusals.HasEnded),
        ("pending", refusals.NotBegun),
    ],
)
def test_nothing_is_changed_about_what_does_not_run(
    session: Session, gift: MonthlyGift, ask: Ask, status: str, refusal: type[ChangeRefused]
) -> None:
    gift.status = status  # type: ignore[assignment]
    if status == "ended":
        gift.ended_at, gift.end_reason = datetime.now(UTC), "donor"
    session.flush()

    with pytest.raises(refusal):
        ask(session, gift.id)

    assert asked(session, gift) == []


def test_an_unknown_gift_is_not_found(session: Session, organisation: Organisation) -> None:
    for id_ in ("mon_unknown", "mon_\0"):
        with pytest.raises(refusals.MonthlyGiftNotFound):
            changes.cancel(session, id_)


def test_a_pause_lasts_until_the_day_before_the_first_charge_after_it(
    session: Session, gift: MonthlyGift
) -> None:
    gift.next_charge_at = datetime(2035, 12, 31, 15, tzinfo=UTC)
    session.flush()

    change = changes.pause(session, gift.id, months=2)

    assert change.paused_until == datetime(2036, 2, 28, 15, tzinfo=UTC)


@pytest.mark.parametrize("months", [0, -1, 13, 1000])
def test_a_pause_of_no_month_or_of_more_than_a_year_is_refused(
    session: Session, gift: MonthlyGift, months: int
) -> None:
    with pytest.raises(refusals.PauseNotPossible) as refused:
        changes.pause(session, gift.id, months=months)

    assert refused.value.field == "months"
    assert "1 to 12" in sentence_for(refused.value, "en")


def test_what_lapsed_can_neither_be_paused_nor_resumed(session: Session, gift: MonthlyGift) -> None:
    gift.status, gift.lapsed_at = "lapsed", datetime.now(UTC)  # type: ignore[assignment]
    session.flush()

    gift.is_paused = True
    with pytest.raises(refusals.NothingToPause):
        changes.pause(session, gift.id, months=1)
    with pytest.raises(refusals.NotPaused):
        changes.resume(session, gift.id)


def test_the_same_pause_asked_for_twice_is_one(session: Session, gift: MonthlyGift) -> None:
    first = changes.skip_one(session, gift.id)

    assert changes.pause(session, gift.id, months=1).id == first.id
    done(session, first)
    assert changes.pause(session, gift.id, months=1).id == first.id


def test_a_longer_pause_overtakes_a_shorter_one_that_was_not_sent(
    session: Session, gift: MonthlyGift
) -> None:
    changes.skip_one(session, gift.id)
    changes.pause(session, gift.id, months=6)

    assert asked(session, gift) == [("pause", "overtaken"), ("pause", "requested")]


def test_a_pause_that_is_under_way_is_left_and_the_next_word_comes_after_it(
    session: Session, gift: MonthlyGift
) -> None:
    sent(session, changes.pause(session, gift.id, months=6))
    changes.resume(session, gift.id)

    assert asked(session, gift) == [("pause", "requested"), ("resume", "requested")]


def test_resuming_needs_a_pause(session: Session, gift: MonthlyGift) -> None:
    with pytest.raises(refusals.NotPaused):
        changes.resume(session, gift.id)


def test_a_pause_that_waits_is_undone_by_resuming(session: Session, gift: MonthlyGift) -> None:
    changes.pause(session, gift.id, months=6)
    changes.resume(session, gift.id)
    changes.resume(session, gift.id)

    assert asked(session, gift) == [("pause", "overtaken"), ("resume", "requested")]


def test_a_pause_that_stripe_ended_by_itself_cannot_be_ended_again(
    session: Session, gift: MonthlyGift
) -> None:
    change = changes.pause(session, gift.id, months=6)
    done(session, change)
    gift.said_at = datetime.now(UTC) + timedelta(seconds=1)
    session.flush()

    with pytest.raises(refusals.NotPaused):
        changes.resume(session, gift.id)


def test_a_new_amount_makes_new_terms_and_leaves_the_old_as_they_are(
    session: Session, gift: MonthlyGift
) -> None:
    change = changes.change_amount(session, gift.id, amount=Money(5000, "usd"))

    terms = changes.terms_now(session, gift)
    assert (change.terms_number, terms.number, terms.amount, terms.fee_cover_amount) == (2, 2, 5000, 0)
    assert session.scalar(text("select amount from monthly_terms where number = 1")) == 3000


def test_the_funds_keep_their_proportions_to_the_cent(session: Session, gift: MonthlyGift) -> None:
    _agree(session, gift, 3000, general=1000, rescue=2000)

    changes.change_amount(session, gift.id, amount=Money(5000, "usd"))

    parts = changes.terms_now(session, gift).allocations
    assert [(part.fund_id, part.amount) for part in parts] == [("general", 1667), ("rescue", 3333)]


def test_a_share_too_small_for_a_cent_is_left_out(session: Session, gift: MonthlyGift) -> None:
    _agree(session, gift, 500_000, general=499_999, rescue=1)

    changes.change_amount(session, gift.id, amount=Money(1000, "usd"))

    parts = changes.terms_now(session, gift).allocations
    assert [(part.fund_id, part.amount) for part in parts] == [("general", 1000)]


@pytest.mark.parametrize(
    ("covered", "asks", "covers"), [(93, None, True), (0, None, False), (93, False, False), (0, True, True)]
)
def test_covering_the_fee_goes_on_as_it_was_unless_the_donor_says(
    session: Session, gift: MonthlyGift, covered: int, asks: bool | None, covers: bool
) -> None:
    _agree(session, gift, 3000 + covered, fee_cover_amount=covered, rescue=3000)

    changes.change_amount(session, gift.id, amount=Money(5000, "usd"), cover_fees=asks)

    terms = changes.terms_now(session, gift)
    assert (terms.fee_cover_amount > 0) is covers
    assert terms.amount == 5000 + terms.fee_cover_amount
    assert sum(part.amount for part in terms.allocations) == 5000


@pytest.mark.parametrize(
    ("amount", "refusal"), [(99, AmountTooSmall), (0, AmountTooSmall), (100_000_000, AmountTooLarge)]
)
def test_the_charitys_limits_hold_for_a_new_amount_too(
    session: Session, gift: MonthlyGift, amount: int, refusal: type[WishRefused]
) -> None:
    with pytest.raises(refusal):
        changes.change_amount(session, gift.id, amount=Money(amount, "usd"))

    assert asked(session, gift) == []


def test_the_currency_never_changes_and_the_refusal_says_what_to_do(
    session: Session, gift: MonthlyGift
) -> None:
    with pytest.raises(refusals.CurrencyFixed) as refused:
        changes.change_amount(session, gift.id, amount=Money(30000, "krw"))

    assert sentence_for(refused.value, "en").startswith("This monthly gift is in USD and stays in it.")
    assert refused.value.field == "currency"


def test_a_currency_that_is_offered_no_more_keeps_its_amount(session: Session, gift: MonthlyGift) -> None:
    session.execute(text("delete from giving_terms where currency = 'usd'"))

    with pytest.raises(CurrencyNotOffered):
        changes.change_amount(session, gift.id, amount=Money(5000, "usd"))


def test_the_same_amount_is_no_change_and_a_second_click_is_none_either(
    session: Session, gift: MonthlyGift
) -> None:
    with pytest.raises(refusals.AmountUnchanged):
        changes.change_amount(session, gift.id, amount=Money(3000, "usd"))

    first = changes.change_amount(session, gift.id, amount=Money(5000, "usd"))
    assert changes.change_amount(session, gift.id, amount=Money(5000, "usd")).id == first.id


def test_an_amount_changed_back_is_a_change(session: Session, gift: MonthlyGift) -> None:
    changes.change_amount(session, gift.id, amount=Money(5000, "usd"))
    changes.change_amount(session, gift.id, amount=Money(3000, "usd"))

    assert changes.terms_now(session, gift).amount == 3000
    assert asked(session, gift) == [("change_amount", "overtaken"), ("change_amount", "requested")]


@pytest.mark.parametrize("day", [0, 32, -1])
def test_a_day_that_no_month_has_is_refused(session: Session, gift: MonthlyGift, day: int) -> None:
    with pytest.raises(refusals.DayUnknown):
        changes.change_day(session, gift.id, day=day)


def test_the_same_day_asked_for_twice_is_one_and_another_overtakes_it(
    session: Session, gift: MonthlyGift
) -> None:
    first = changes.change_day(session, gift.id, day=5)

    assert changes.change_day(session, gift.id, day=5).id == first.id
    changes.change_day(session, gift.id, day=6)
    assert asked(session, gift) == [("change_day", "overtaken"), ("change_day", "requested")]


def test_different_matters_wait_side_by_side(session: Session, gift: MonthlyGift) -> None:
    changes.change_amount(session, gift.id, amount=Money(5000, "usd"))
    changes.change_day(session, gift.id, day=5)
    changes.pause(session, gift.id, months=1)

    assert {change.kind for change in changes.waiting(session, gift)} == {
        "change_amount",
        "change_day",
        "pause",
    }


def test_no_letter_is_written_before_stripe_has_done_it(session: Session, gift: MonthlyGift) -> None:
    for ask in (EVERY_CHANGE["pause"], EVERY_CHANGE["amount"], EVERY_CHANGE["day"]):
        ask(session, gift.id)

    assert letters(session) == []


def test_of_two_asks_the_order_is_the_order_of_the_lock(session: Session, gift: MonthlyGift) -> None:
    """Whatever the clocks of two doors say."""
    first = changes.pause(session, gift.id, months=1)
    sent(session, first)
    session.execute(update(MonthlyChange).values(asked_at=func.now() + timedelta(hours=1)))
    session.expire_all()

    second = changes.resume(session, gift.id)

    assert second.asked_at > first.asked_at


def _agree(
    session: Session, gift: MonthlyGift, amount: int, *, fee_cover_amount: int = 0, **parts: int
) -> None:
    """As if it had been agreed so for long."""
    terms = some_terms(2, amount, valid_from=datetime.now(UTC))
    terms.fee_cover_amount = fee_cover_amount
    terms.monthly_gift_id = gift.id
    terms.allocations = [
        type(terms.allocations[0])(position=position, fund_id=fund_id, amount=part)
        for position, (fund_id, part) in enumerate(parts.items())
    ]
    session.add(terms)
    session.execute(update(GivingTerms).where(GivingTerms.currency == "usd").values(maximum=1_000_000))
    session.flush()
