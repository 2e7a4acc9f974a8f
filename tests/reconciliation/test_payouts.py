"""A payout is proven by what it carries, whatever happens to it and in whatever order we hear of it."""

from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import select, text

from payments.database import transaction
from payments.donations.models import Charge
from payments.reconciliation.models import Payout
from payments.webhooks.models import StripeEvent
from tests.reconciliation.treasury import Treasury
from workers.reconciliation import fetch_payouts


def charge_of(gift_id: str) -> str:
    with transaction() as session:
        return session.scalars(select(Charge.stripe_charge_id).where(Charge.donation_id == gift_id)).one()


def kinds(shown: dict) -> list[tuple[str, int]]:
    return [(line["kind"], line["net"]["amount"]) for line in shown["lines"]]


def test_a_payout_is_proven_to_the_cent_and_names_each_gift(treasury: Treasury):
    ada = treasury.a_paid_gift(2500)
    ben = treasury.a_paid_gift(10000, name="Ben Oh", email="ben@example.com")
    treasury.house.stripe.tell("movements", kind="stripe_fee", amount=742)

    payout = treasury.stripe_pays_out(statement_descriptor="EXAMPLE RELIEF")
    treasury.everybody_works()

    shown = treasury.payout(payout)
    assert shown["proof"] == "proven"
    assert sorted(kinds(shown)) == [("gift", 2397), ("gift", 9680), ("payout", -11335), ("service_fee", -742)]
    assert {line["donation"] for line in shown["lines"]} == {ada.id, ben.id, None}
    assert shown["gross"]["amount"] - shown["fees"]["amount"] == shown["amount"]["amount"] == 11335
    assert shown["difference"] == {"amount": 0, "currency": "usd"}
    assert "to the cent" in shown["sentence"]


def test_refunds_and_disputes_stand_in_their_own_columns(treasury: Treasury):
    ada, ben = treasury.a_paid_gift(5000), treasury.a_paid_gift(9000)
    treasury.house.stripe.tell(f"charges/{charge_of(ada.id)}/refund", amount=1500)
    treasury.house.stripe.tell(f"charges/{charge_of(ben.id)}/dispute")
    treasury.everybody_works()

    payout = treasury.stripe_pays_out()
    treasury.everybody_works()

    shown = treasury.payout(payout)
    assert shown["proof"] == "proven"
    assert (shown["refunds"]["amount"], shown["disputes"]["amount"]) == (-1500, -9000)
    sums = [shown[name]["amount"] for name in ("gross", "refunds", "disputes", "other")]
    assert sum(sums) - shown["fees"]["amount"] == shown["amount"]["amount"] < 3500


def test_until_stripe_has_completed_its_list_nothing_is_claimed(treasury: Treasury):
    treasury.a_paid_gift()
    payout = treasury.stripe_pays_out(reconciled=False)
    treasury.everybody_works()
    before = treasury.payout(payout)

    treasury.house.stripe.tell(f"payouts/{payout}/reconcile")
    treasury.everybody_works()

    assert (before["proof"], before["lines"]) == ("waiting", [])
    assert treasury.payout(payout)["proof"] == "proven"


def test_the_gifts_of_a_failed_payout_are_found_in_the_one_that_arrives(treasury: Treasury):
    ada = treasury.a_paid_gift(2500)
    first = treasury.stripe_pays_out(paid=True)
    treasury.everybody_works()
    treasury.house.stripe.tell(f"payouts/{first}/fail", code="account_closed")
    second = treasury.stripe_pays_out()
    treasury.everybody_works()
    treasury.house.stripe.tell(f"payouts/{second}/fail", code="account_closed")
    ben = treasury.a_paid_gift(4000)

    third = treasury.stripe_pays_out()
    treasury.everybody_works()

    shown = treasury.payout(third)
    assert sorted(kinds(shown)) == [("gift", 3854), ("payout", -6251), ("payout_failed", 2397)]
    assert shown["proof"] == "proven"
    assert [failed["id"] for failed in shown["from_failed_payouts"]] == [second, first]
    gifts = {line["donation"] for failed in shown["from_failed_payouts"] for line in failed["lines"]}
    gifts |= {line["donation"] for line in shown["lines"]}
    assert {ada.id, ben.id} <= gifts
    failed = treasury.payout(first)
    assert (failed["status"], failed["failure_code"], failed["carried_on_by"]) == (
        "failed",
        "account_closed",
        second,
    )
    assert failed["proof"] == "proven"


def test_a_negative_payout_is_proven_like_another(treasury: Treasury):
    ada = treasury.a_paid_gift(2500)
    treasury.stripe_pays_out()
    treasury.house.stripe.tell(f"charges/{charge_of(ada.id)}/dispute")
    treasury.everybody_works()

    payout = treasury.stripe_pays_out()
    treasury.everybody_works()

    shown = treasury.payout(payout)
    assert shown["amount"]["amount"] < 0
    assert shown["proof"] == "proven"


def test_a_manual_payout_says_honestly_that_it_cannot_be_proven_per_line(treasury: Treasury):
    treasury.a_paid_gift(9000)
    treasury.house.stripe.tell("clock", advance_seconds=3 * 86400)
    made = treasury.house.stripe.tell(
        "payouts", currency="usd", automatic=False, amount=5000, method="instant"
    )
    payout = str(made["id"])
    treasury.everybody_works()

    shown = treasury.payout(payout)

    assert (shown["proof"], shown["lines"]) == ("on_the_balance", [])
    assert "does not say which gifts are in it" in shown["sentence"]


def test_a_payout_of_which_every_webhook_was_lost_is_found_by_its_money(treasury: Treasury):
    treasury.a_paid_gift()
    treasury.house.webhooks_are("dropped")

    payout = treasury.stripe_pays_out(paid=True)
    treasury.everybody_works()

    assert treasury.payout(payout)["proof"] == "proven"
    assert treasury.payout(payout)["status"] == "paid"


def test_webhooks_in_any_order_and_twice_end_in_the_same_state(treasury: Treasury):
    treasury.a_paid_gift()
    treasury.house.webhooks_are("held")
    payout = treasury.stripe_pays_out(paid=True)
    treasury.house.stripe.tell(f"payouts/{payout}/fail", code="no_account")

    treasury.house.the_held_webhooks_come(shuffle=True, twice=True)
    treasury.everybody_works()

    shown = treasury.payout(payout)
    assert (shown["status"], shown["proof"], shown["reconciliation_status"]) == (
        "failed",
        "proven",
        "completed",
    )


def test_the_bank_s_trace_is_asked_for_until_it_is_known(treasury: Treasury):
    treasury.a_paid_gift()
    payout = treasury.stripe_pays_out()
    treasury.everybody_works()
    treasury.house.webhooks_are("dropped")
    treasury.house.stripe.tell(f"payouts/{payout}/pay")
    with transaction() as session:
        assert session.scalars(select(Payout.ask_at)).one() is not None
        session.execute(text("update payouts set ask_at = now()"))

    treasury.everybody_works()

    shown = treasury.payout(payout)
    assert shown["status"] == "paid"
    assert shown["trace_id"]
    with transaction() as session:
        assert session.scalars(select(Payout.ask_at)).one() is None


def test_a_key_that_stripe_refuses_puts_no_payout_off_for_longer_than_the_key(
    treasury: Treasury, with_settings: Callable[..., None]
):
    treasury.a_paid_gift()
    treasury.stripe_pays_out()
    treasury.everybody_works()
    with transaction() as session:
        session.execute(text("update payouts set ask_at = now()"))

    with_settings(stripe_secret_key="sk_test_of_another_account")  # noqa: S106 - it opens nothing
    fetch_payouts()

    with transaction() as session:
        asked_in = session.scalar(text("select ask_at - now() from payouts"))
    assert asked_in <= timedelta(minutes=1)


def test_what_was_asked_stands_in_the_inbox_and_is_enough_to_say_it_all_again(treasury: Treasury):
    treasury.a_paid_gift()
    payout = treasury.stripe_pays_out(paid=True)
    treasury.everybody_works()
    before = treasury.payout(payout)
    treasury.house.stripe.forget_everything()

    with transaction() as session:
        types = set(session.scalars(select(StripeEvent.type).where(StripeEvent.source == "fetch")))
        session.execute(
            text("update payouts set status = 'pending', trace_id = null, said_at = '2000-01-01'")
        )
        session.execute(
            text(
                "insert into stripe_event_queue (stripe_event_id) select stripe_event_id from stripe_events "
                "where type like 'payout%' on conflict do nothing"
            )
        )
    treasury.house.they_apply_events()

    assert {"payout", "payout_list", "balance_transaction"} <= types
    assert treasury.payout(payout) == before


def test_one_cent_that_stripe_s_list_has_too_many_is_a_difference_of_one_cent(treasury: Treasury):
    treasury.a_paid_gift()
    payout = treasury.stripe_pays_out()
    treasury.everybody_works()
    with transaction() as session:
        session.execute(text("update payouts set amount = amount - 1"))

    said = treasury.almoner("payouts", "show", payout)

    assert said.exit_code == 1
    assert "differs" in said.text
    assert "The difference is USD -0.01" in said.text


def test_a_person_reads_a_payout_line_by_line(treasury: Treasury):
    gift = treasury.a_paid_gift(2500)
    payout = treasury.stripe_pays_out(statement_descriptor="EXAMPLE RELIEF", paid=True)
    treasury.everybody_works()

    listed = treasury.almoner("payouts", "list").text
    said = treasury.almoner("payouts", "show", payout)

    assert said.exit_code == 0
    for part in (
        "$23.97",
        "EXAMPLE RELIEF",
        gift.id,
        "-$1.03",
        "proven",
        "together $23.97",
        "automatic",
        "UTC",
    ):
        assert part in said.text, part
    for part in (payout, "paid", "$25.00", "-$1.03", "$23.97", "proven"):
        assert part in listed, part
    assert treasury.almoner("payouts", "list", "--status", "failed", "--json").json == []
