"""Refused instalments, from the first refusal to the last word, with the sandbox as the bank."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text

from payments.clock import now
from payments.database import transaction
from payments.donations.models import Organisation
from payments.monthly import changes, dunning, tries
from payments.monthly.models import MonthlyGift
from tests.journeys.neighbours import Stripe
from tests.monthly.instalments import (
    Promise,
    days_later,
    days_pass,
    letter,
    letters_told,
    promised,
    refusals,
)
from workers import dunning as hands


def test_a_card_that_is_short_is_left_to_us_and_tried_again_in_three_days(promise: Promise) -> None:
    invoice = promise.refused("insufficient_funds")

    (refusal,) = refusals()
    assert (refusal.course, refusal.status, refusal.decline_code) == (
        "same_again",
        "to_try",
        "insufficient_funds",
    )
    here = refusal.due_at.astimezone(ZoneInfo("America/Los_Angeles"))
    assert (here.hour, here.minute) == (10, 0)
    assert here.date() == (now().astimezone(here.tzinfo) + timedelta(days=3)).date()
    assert letters_told() == ["refused_same_again"]
    sent = promise.latest_invoice()
    assert (sent["id"], sent["status"], sent["auto_advance"]) == (invoice, "open", False)
    assert sent["next_payment_attempt"] is None


def test_the_next_try_brings_the_money_and_the_donor_hears_it(promise: Promise) -> None:
    invoice = promise.refused("insufficient_funds")

    days_later()
    promise.hears_of_payment(invoice)

    assert promise.latest_invoice()["status"] == "paid"
    assert [charge["status"] for charge in promise.charges()] == ["succeeded", "failed", "succeeded"]
    assert letters_told() == ["refused_same_again", "recovered"]
    assert promise.gift().status == "active"
    assert [refusal.status for refusal in refusals()] == ["over"]


def test_when_the_tries_are_used_up_the_gift_lapses_and_nothing_more_is_charged(promise: Promise) -> None:
    invoice = promise.refused(*["insufficient_funds"] * 9)
    for _ in range(6):
        days_later()

    assert letters_told() == [*["refused_same_again"] * 3, "lapsed"]
    assert [refusal.status for refusal in refusals()] == ["over"] * 4
    asked = [charge for charge in promise.charges() if charge["status"] == "failed"]
    assert len(asked) == 4
    assert promise.gift().status == "lapsed"
    assert promise.gift().lapsed_at is not None
    sent = promise.latest_invoice()
    assert (sent["id"], sent["status"]) == (invoice, "void")
    assert promise.at_stripe()["pause_collection"]["behavior"] == "void"
    assert promise.at_stripe()["pause_collection"]["resumes_at"] is None

    promise.stripe.tell("advance", months=3, deliver=False)

    assert len([charge for charge in promise.charges() if charge["status"] == "failed"]) == 4
    assert promise.latest_invoice()["status"] == "void"


def test_a_lapsed_gift_comes_back_with_a_click(promise: Promise) -> None:
    promise.refused(*["insufficient_funds"] * 4)
    for _ in range(4):
        days_later()
    promise.bank_says()

    with transaction() as session:
        gift = session.get_one(MonthlyGift, promise.gift_id, with_for_update=True)
        assert dunning.come_back(session, gift)
        assert not dunning.come_back(session, gift)
    hands.follow_refusals()

    assert (promise.gift().status, promise.gift().lapsed_at) == ("active", None)
    assert promise.at_stripe()["pause_collection"] is None
    assert letters_told()[-1] == "came_back"

    promise.stripe.tell("advance", months=1, deliver=False)
    promise.stripe.tell("advance", seconds=2 * 3600, deliver=False)

    assert promise.latest_invoice()["status"] == "paid"


def test_a_donor_who_comes_back_while_stripe_is_being_told_to_stop_is_charged_again(
    promise: Promise,
) -> None:
    promise.refused(*["insufficient_funds"] * 4)
    days_later()
    days_later()
    days_pass()
    with transaction() as session:
        step = tries.take(session)
    assert step is not None
    hands._try_again(hands.gateway().billing, step)  # the last try is refused; the worker goes on
    with transaction() as session:
        stopping = tries.take(session)
    assert stopping is not None
    assert stopping.status == "lapsing"

    with transaction() as session:
        gift = session.get_one(MonthlyGift, promise.gift_id, with_for_update=True)
        dunning.come_back(session, gift)
    hands.follow_refusals()
    assert refusals()[-1].status == "returning"
    hands._ask_stripe(hands.gateway().billing, stopping)
    days_later()

    assert promise.at_stripe()["pause_collection"] is None
    assert refusals()[-1].status == "over"


@pytest.mark.parametrize(
    ("outcome", "fact"),
    [
        ("expired_card", "refused_new_method"),
        ("lost_card", "refused_new_method"),
        ("fraudulent", "refused_new_method"),
        ("authentication_required", "refused_confirm"),
    ],
)
def test_where_only_the_donor_can_help_nothing_is_tried_and_after_a_fortnight_it_lapses(
    outcome: str, fact: str, promise: Promise
) -> None:
    promise.refused(outcome)

    (refusal,) = refusals()
    assert refusal.status == "with_donor"
    assert now() + timedelta(days=13) < refusal.due_at < now() + timedelta(days=15)
    assert letters_told() == [fact]
    hands.follow_refusals()
    assert len(promise.charges()) == 2

    days_later()

    assert letters_told() == [fact, "lapsed"]
    assert promise.gift().status == "lapsed"
    assert len(promise.charges()) == 2


def test_a_confirmation_is_given_on_stripes_page_and_the_gift_goes_on(promise: Promise) -> None:
    invoice = promise.refused("authentication_required")
    page = promise.latest_invoice()["hosted_invoice_url"]
    assert page in letter("refused_confirm").get_body(("plain",)).get_content()

    promise.stripe.tell(f"invoices/{invoice}/authenticate", passes=True)
    promise.hears_of_payment(invoice)
    days_later()

    assert letters_told() == ["refused_confirm", "recovered"]
    assert promise.gift().status == "active"


def test_a_second_delivery_of_the_same_refusal_changes_nothing(promise: Promise) -> None:
    invoice = promise.refused("insufficient_funds")
    before = refusals()[0].due_at

    promise.hears_of_refusal(invoice)
    promise.hears_of_refusal(invoice, later=86_400)
    hands.follow_refusals()

    (refusal,) = refusals()
    assert refusal.due_at == before
    assert letters_told() == ["refused_same_again"]


def test_a_refusal_that_is_heard_of_after_the_payment_changes_nothing(promise: Promise) -> None:
    promise.bank_says("insufficient_funds")
    invoice = promise.instalment()
    promise.hears_of_payment(invoice)

    promise.hears_of_refusal(invoice)
    hands.follow_refusals()

    assert refusals() == []
    assert letters_told() == []


def test_a_bank_debit_is_asked_for_twice_and_then_no_more(
    organisation: Organisation, stripe_months: Stripe
) -> None:
    promise = promised(stripe_months, method="bank_debit")
    first = promise.latest_invoice()["id"]
    stripe_months.tell(f"invoices/{first}/bank_debit", outcome="succeed")
    promise.bank_says("insufficient_funds", "insufficient_funds", "insufficient_funds")
    invoice = promise.instalment()
    stripe_months.tell(f"invoices/{invoice}/bank_debit", outcome="insufficient_funds")
    promise.hears_of_refusal(invoice)
    hands.follow_refusals()

    (refusal,) = refusals()
    assert (refusal.method, refusal.status) == ("us_bank_account", "to_try")
    days_later()
    assert refusals()[0].status == "under_way"
    hands.follow_refusals()
    promise.hears_of_refusal(invoice)
    assert len(refusals()) == 1, "an echo of the first refusal is no answer to the second try"

    stripe_months.tell(f"invoices/{invoice}/bank_debit", outcome="insufficient_funds")
    promise.hears_of_refusal(invoice, later=5 * 86_400)
    days_later()
    days_later()

    assert letters_told() == ["refused_same_again", "lapsed"]
    assert promise.gift().status == "lapsed"
    asked = [charge for charge in promise.charges() if charge["status"] == "failed"]
    assert len(asked) == 2
    assert promise.latest_invoice()["status"] == "void"


def test_a_closed_account_is_never_asked_again(organisation: Organisation, stripe_months: Stripe) -> None:
    promise = promised(stripe_months, method="bank_debit")
    stripe_months.tell(f"invoices/{promise.latest_invoice()['id']}/bank_debit", outcome="succeed")
    invoice = promise.instalment()
    stripe_months.tell(f"invoices/{invoice}/bank_debit", outcome="account_closed")

    promise.hears_of_refusal(invoice)
    hands.follow_refusals()

    assert letters_told() == ["refused_new_method"]
    assert "the account we have on file is closed" in letter("refused_new_method").get_body(
        ("plain",)
    ).get_content().replace("\r\n", "\n")


def test_a_try_whose_answer_was_lost_is_asked_again_and_made_once(promise: Promise) -> None:
    invoice = promise.refused("insufficient_funds")
    promise.stripe.fails("reset_after", times=3, path=f"/v1/invoices/{invoice}/pay")

    days_later()
    assert refusals()[0].status == "to_try"
    asked_first = len(promise.charges())
    days_later()

    assert asked_first == len(promise.charges()) == 3
    assert promise.latest_invoice()["status"] == "paid"
    assert refusals()[0].status == "over"


def test_many_workers_make_one_try(promise: Promise) -> None:
    promise.refused("insufficient_funds", "insufficient_funds")
    days_pass()

    with ThreadPoolExecutor(6) as workers:
        list(workers.map(lambda _: hands.follow_refusals(), range(6)))

    assert len([charge for charge in promise.charges() if charge["status"] == "failed"]) == 2
    assert [refusal.number for refusal in refusals()] == [1, 2]
    assert letters_told() == ["refused_same_again"] * 2


def test_a_gift_that_ended_in_between_is_tried_no_more(promise: Promise) -> None:
    promise.refused("insufficient_funds")
    with transaction() as session:
        gift = session.get_one(MonthlyGift, promise.gift_id)
        gift.status, gift.ended_at, gift.end_reason = "ended", now(), "donor"

    days_later()

    assert len(promise.charges()) == 2
    assert refusals()[0].status == "over"


@pytest.mark.parametrize("status", ["heard", "to_try", "with_donor"])
def test_a_donor_who_ends_it_while_stripe_is_asked_hears_of_the_end_alone(
    promise: Promise, status: str
) -> None:
    if status == "heard":
        promise.bank_says("insufficient_funds")
        promise.hears_of_refusal(promise.instalment())
    else:
        promise.refused("expired_card" if status == "with_donor" else "insufficient_funds")
        promise.bank_says("insufficient_funds")
        days_pass()
    before = letters_told()
    with transaction() as session:
        step = tries.take(session)
    assert step is not None
    assert step.status == status

    with transaction() as session:
        changes.cancel(session, promise.gift_id)
    hands._ask_stripe(hands.gateway().billing, step)

    assert letters_told() == [*before, "cancelled"]
    assert promise.gift().status == "ended"
    hands.follow_refusals()
    assert refusals()[-1].status == "over"


def test_a_gift_that_was_paused_in_between_is_not_asked_for_the_month_before(promise: Promise) -> None:
    promise.refused("insufficient_funds")
    with transaction() as session:
        gift = session.get_one(MonthlyGift, promise.gift_id)
        gift.status, gift.is_paused, gift.paused_until = "paused", True, now() + timedelta(days=60)

    days_later()

    assert len(promise.charges()) == 2
    assert promise.latest_invoice()["status"] == "void"
    assert refusals()[0].status == "over"
    assert promise.gift().lapsed_at is None


def test_stripe_away_is_no_refusal(promise: Promise) -> None:
    promise.bank_says("insufficient_funds")
    invoice = promise.instalment()
    promise.hears_of_refusal(invoice)
    promise.stripe.fails("500", times=3, path="/v1/invoices*")

    hands.follow_refusals()
    assert refusals()[0].status == "heard"
    assert letters_told() == []

    days_later()
    assert refusals()[0].status == "to_try"


def test_what_is_being_looked_after_can_be_shown(promise: Promise) -> None:
    promise.refused("authentication_required")

    with transaction() as session:
        shown = dunning.open_refusal(session, session.get_one(MonthlyGift, promise.gift_id))
        assert shown is not None
        assert shown.course == "confirm"


def test_no_two_open_refusals_of_one_instalment_can_stand_beside_each_other(promise: Promise) -> None:
    invoice = promise.refused("insufficient_funds")

    def write_another() -> None:
        with transaction() as session:
            session.execute(
                text(
                    "insert into monthly_refusals (stripe_invoice_id, number, monthly_gift_id, refused_at,"
                    " tries, status, due_at) values (:invoice, 2, :gift, now(), 2, 'to_try', now())"
                ),
                {"invoice": invoice, "gift": promise.gift_id},
            )

    refuse(write_another)


def refuse(deed: Callable[[], None]) -> None:
    with pytest.raises(Exception, match="uq_monthly_refusals_open"):
        deed()
