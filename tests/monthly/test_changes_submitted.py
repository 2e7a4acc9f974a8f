"""Between our row and Stripe: whatever goes wrong there, the change is made once and said once."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from payments.clock import day_in, from_stripe
from payments.database import transaction
from payments.donations.models import IssuingEntity
from payments.mail.models import OutgoingMail
from payments.money import Money
from payments.monthly import changes, submission
from payments.monthly.changes import Asked
from payments.monthly.models import EndReason, MonthlyGift
from payments.stripe_gateway.client import gateway
from tests.monthly.running import Running, billing

SUBSCRIPTIONS = "/v1/subscriptions*"


def ask(deed: Callable[..., Any], running: Running, **more: Any) -> None:
    with transaction() as session:
        deed(session, running.id, **more)


def letters() -> list[str]:
    with transaction() as session:
        rows = session.scalars(select(OutgoingMail.reference).order_by(OutgoingMail.queued_at))
        return [reference.partition(":")[0] for reference in rows if reference.startswith("monthly_")]


def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """No retries inside one call: what is tested is ours, not the library's."""
    client = gateway()._client
    monkeypatch.setattr(client._requestor._options, "max_network_retries", 0)
    monkeypatch.setattr(client._requestor._get_http_client(), "_timeout", (1, 0.3))


def test_the_end_reaches_stripe_and_nothing_is_charged_any_more(running: Running) -> None:
    ask(changes.cancel, running)

    running.the_changes_go_out()
    running.stripe_lives_on(months=3)

    assert running.at_stripe.is_over
    assert running.statuses() == [("cancel", "done")]
    assert running.charged() == [3000]
    assert letters() == ["monthly_cancelled"]


@pytest.mark.parametrize("hours", [0, 2], ids=["a draft", "an open invoice that was refused"])
def test_an_end_in_the_hour_of_the_charge_leaves_no_invoice_that_could_still_be_paid(
    running: Running, hours: int
) -> None:
    running.house.stripe.tell(f"customers/{running.customer_id}/next_attempts", outcomes=["generic_decline"])
    due = running.at_stripe.next_charge_at
    running.stripe_lives_on(to=due.timestamp() + hours * 3600 + 60)
    assert running.invoices()[0]["status"] == ("open" if hours else "draft")

    ask(changes.cancel, running)
    running.the_changes_go_out()
    running.stripe_lives_on(months=2)

    assert running.charged() == [3000]
    assert [invoice["status"] for invoice in running.invoices()] == ["void", "paid"]
    assert running.statuses() == [("cancel", "done")]


def test_a_pause_is_sent_and_told_when_it_is_true(running: Running) -> None:
    ask(changes.pause, running, months=3)
    before = letters()

    running.the_changes_go_out()
    running.stripe_lives_on(months=5)
    running.stripe_lives_on(days=1)

    assert before == []
    assert letters() == ["monthly_paused"]
    assert running.charged() == [3000, 3000, 3000]


def test_skipping_one_leaves_out_one(running: Running) -> None:
    ask(changes.skip_one, running)

    running.the_changes_go_out()
    running.stripe_lives_on(months=3)
    running.stripe_lives_on(days=1)

    assert letters() == ["monthly_skipped"]
    assert running.charged() == [3000, 3000, 3000]


def test_a_pause_is_ended_before_its_time(running: Running) -> None:
    ask(changes.pause, running, months=6)
    running.the_changes_go_out()

    ask(changes.resume, running)
    running.the_changes_go_out()
    running.stripe_lives_on(months=1)
    running.stripe_lives_on(days=1)

    assert letters() == ["monthly_paused", "monthly_resumed"]
    assert running.charged() == [3000, 3000]


def test_a_new_amount_is_charged_next_time_and_told(running: Running) -> None:
    ask(changes.change_amount, running, amount=Money(4200, "usd"))

    running.the_changes_go_out()
    running.stripe_lives_on(months=1)
    running.stripe_lives_on(days=1)

    assert letters() == ["monthly_amount_changed"]
    assert running.charged() == [3000, 4200]


def test_another_day_is_charged_on_that_day_once_a_month(running: Running) -> None:
    day = 15 if running.at_stripe.next_charge_at.day > 20 else 25
    ask(changes.change_day, running, day=day)
    running.the_changes_go_out()
    running.stripe_lives_on(months=1)
    running.stripe_lives_on(days=2)
    running.time_passes(hours=1)
    running.the_changes_go_out()

    running.stripe_lives_on(months=3)

    assert running.statuses() == [("change_day", "done")]
    assert letters() == ["monthly_day_changed"]
    with transaction() as session:
        zone = session.scalars(
            select(IssuingEntity.time_zone).join(MonthlyGift, MonthlyGift.entity_id == IssuingEntity.id)
        ).one()
    # The months of the books: on a first of the month in UTC it may still be the last of the other there.
    charged_on = [
        day_in(zone, from_stripe(charge["created"])) for charge in running.house.stripe.list("charges")
    ]
    assert len({(each.year, each.month) for each in charged_on}) == len(charged_on)
    assert charged_on[0].day == day


def test_a_day_that_waits_for_the_next_charge_can_be_overtaken(running: Running) -> None:
    """The 31st in a month without one, or a day of this month that is over."""
    with transaction() as session:
        change = changes.change_day(session, running.id, day=31)
        submission.note_waits(session, change.id, next_charge_at=running.at_stripe.next_charge_at)

    ask(changes.change_day, running, day=5)

    assert running.statuses() == [("change_day", "overtaken"), ("change_day", "requested")]


@pytest.mark.parametrize("kind", ["timeout_after", "reset_after", "reset_before", "429", "500"])
@pytest.mark.parametrize("deed", ["cancel", "pause", "amount"])
def test_an_answer_that_is_lost_is_asked_for_again(
    running: Running,
    deed: str,
    kind: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    quickly(monkeypatch)
    deeds = {
        "cancel": lambda: ask(changes.cancel, running),
        "pause": lambda: ask(changes.pause, running, months=2),
        "amount": lambda: ask(changes.change_amount, running, amount=Money(4200, "usd")),
    }
    deeds[deed]()
    running.house.stripe.fails(kind, times=2, path=SUBSCRIPTIONS)

    running.the_changes_go_out()
    after_the_first = running.statuses()[0][1]
    for _ in range(2):
        running.time_passes(hours=1)
        running.the_changes_go_out()
    running.time_passes(hours=24)
    running.the_changes_go_out()

    assert after_the_first == "requested"
    assert running.statuses()[0][1] == "done"
    assert len(letters()) == 1
    if deed == "cancel":
        assert running.at_stripe.is_over
    elif deed == "pause":
        assert running.at_stripe.pause_collection is not None
    else:
        assert running.at_stripe.item.price.unit_amount == 4200


def test_a_change_in_one_workers_hand_is_in_no_others(running: Running) -> None:
    ask(changes.cancel, running)

    with transaction() as session:
        taken = submission.take(session)
    with transaction() as session:
        second = submission.take(session)

    assert taken is not None
    assert second is None


def test_a_worker_that_dies_before_it_notes_leaves_one_end(running: Running) -> None:
    ask(changes.cancel, running)
    with transaction() as session:
        submission.take(session)
    billing().cancel(running.subscription_id, comment="and then it died")

    running.time_passes(hours=1)
    running.the_changes_go_out()

    assert running.statuses() == [("cancel", "done")]
    assert running.changes()[0].attempts == 2


def test_ends_go_out_before_everything_else(running: Running) -> None:
    ask(changes.change_day, running, day=5)
    with transaction() as session:
        # As if the end had come while another gift's changes wait.
        session.execute(text("update monthly_changes set next_at = now() - interval '1 hour'"))
    ask(changes.cancel, running)

    with transaction() as session:
        taken = submission.take(session)

    assert taken is not None
    assert taken.kind == "cancel"


def test_of_two_words_about_a_pause_the_later_counts_though_the_first_was_under_way(
    running: Running,
) -> None:
    ask(changes.pause, running, months=6)
    with transaction() as session:
        submission.take(session)
    ask(changes.resume, running)

    running.the_changes_go_out()
    while_the_first_is_in_a_hand = running.statuses()
    billing().pause(running.subscription_id, until=running.changes()[0].paused_until, key="late")  # type: ignore[arg-type]
    running.time_passes(hours=1)
    running.the_changes_go_out()

    assert while_the_first_is_in_a_hand == [("pause", "requested"), ("resume", "requested")]
    assert running.statuses() == [("pause", "overtaken"), ("resume", "done")]
    assert running.at_stripe.pause_collection is None
    assert letters() == ["monthly_resumed"]


def test_a_change_of_what_has_ended_at_stripe_is_nobodys_mistake(running: Running) -> None:
    """Somebody ended it in the dashboard, and we have not heard of it yet."""
    billing().cancel(running.subscription_id, comment="in the dashboard")
    ask(changes.change_amount, running, amount=Money(4200, "usd"))
    ask(changes.pause, running, months=1)

    running.the_changes_go_out()

    assert {status for _, status in running.statuses()} == {"overtaken"}
    assert letters() == []


def test_what_stripe_refuses_waits_for_a_person_and_the_old_terms_stand(running: Running) -> None:
    ask(changes.change_amount, running, amount=Money(4200, "usd"))
    with transaction() as session:
        # A currency that the subscription does not have: only a bug or a hand in the database makes one.
        session.execute(text("update monthly_gifts set currency = 'eur'"))

    running.the_changes_go_out()

    [change] = running.changes()
    assert change.status == "refused"
    assert change.failure_reason
    assert [amount for amount, _, _ in running.terms()] == [3000, 4200, 3000]
    assert letters() == []


def test_an_end_that_stripe_refuses_is_asked_for_again_and_again(running: Running) -> None:
    with transaction() as session:
        session.execute(text("update monthly_gifts set stripe_subscription_id = 'sub_mistyped'"))
    ask(changes.cancel, running)

    running.the_changes_go_out()
    refused = running.changes()[0]
    with transaction() as session:
        session.execute(
            text("update monthly_gifts set stripe_subscription_id = :id"), {"id": running.subscription_id}
        )
    running.time_passes(hours=1)
    running.the_changes_go_out()

    assert (refused.status, refused.failure_reason) == ("requested", "resource_missing")
    assert running.statuses() == [("cancel", "done")]
    assert running.changes()[0].failure_reason is None


def test_a_wrong_key_is_no_refusal(running: Running, with_settings: Callable[..., None]) -> None:
    ask(changes.cancel, running)
    with_settings(stripe_api_base=running.house.stripe.url, stripe_secret_key="sk_test_another0123456789")  # noqa: S106

    running.the_changes_go_out()

    assert running.statuses() == [("cancel", "requested")]
    assert running.changes()[0].failure_reason is None


def test_the_end_of_what_was_never_paid_waits_for_the_page_to_close(running: Running) -> None:
    with transaction() as session:
        session.execute(text("update monthly_gifts set status = 'pending', stripe_subscription_id = null"))
    with transaction() as session:
        changes.stop(session, running.id, Asked(by="stf_1"), reason=EndReason.STAFF)

    running.the_changes_go_out()
    at_first = running.statuses()
    with transaction() as session:
        session.execute(text("update monthly_changes set asked_at = now() - interval '3 days'"))
    running.the_changes_go_out()

    assert at_first == [("cancel", "requested")]
    assert running.statuses() == [("cancel", "overtaken")]


def test_the_end_of_what_is_paid_after_all_reaches_stripe(running: Running) -> None:
    """The donor paid on the page that was still open when staff stopped the gift."""
    with transaction() as session:
        session.execute(text("update monthly_gifts set status = 'pending', stripe_subscription_id = null"))
    with transaction() as session:
        changes.stop(session, running.id, Asked(by="stf_1"), reason=EndReason.STAFF)
    with transaction() as session:
        session.execute(
            text("update monthly_gifts set stripe_subscription_id = :id"), {"id": running.subscription_id}
        )

    running.the_changes_go_out()

    assert running.at_stripe.is_over


def test_two_who_ask_at_once_do_not_contradict_each_other(running: Running) -> None:
    """One ends the gift while another raises it: whoever comes second sees what the first has done."""
    refused: list[type[Exception]] = []

    def asks(deed: Callable[[Session, str], Any]) -> None:
        try:
            with transaction() as session:
                deed(session, running.id)
        except Exception as refusal:
            refused.append(type(refusal))

    deeds: list[Callable[[Session, str], Any]] = [
        lambda session, id_: changes.change_amount(session, id_, amount=Money(4200, "usd")),
        changes.cancel,
        lambda session, id_: changes.pause(session, id_, months=2),
        changes.cancel,
        lambda session, id_: changes.change_day(session, id_, day=7),
    ]
    threads = [threading.Thread(target=asks, args=(deed,)) for deed in deeds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    running.the_changes_go_out()

    statuses = running.statuses()
    assert statuses.count(("cancel", "done")) == 1
    assert all(status == "overtaken" for kind, status in statuses if kind != "cancel")
    assert {kind.__name__ for kind in refused} <= {"HasEnded"}
    assert len(statuses) + len(refused) == 4
    assert running.at_stripe.is_over
    assert letters() == ["monthly_cancelled"]


def test_workers_side_by_side_submit_each_change_once(running: Running) -> None:
    ask(changes.change_amount, running, amount=Money(4200, "usd"))
    ask(changes.change_day, running, day=running.at_stripe.next_charge_at.day)
    ask(changes.pause, running, months=2)

    threads = [threading.Thread(target=running.the_changes_go_out) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {status for _, status in running.statuses()} == {"done"}
    assert {change.attempts for change in running.changes()} == {1}
    assert gateway().billing.subscription(running.subscription_id).item.price.unit_amount == 4200
