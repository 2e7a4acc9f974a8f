"""Reading Stripe's lists by the clock: from where the last reading ended, and never twice at once."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from payments.database import transaction
from payments.donations.models import Donation, Organisation
from payments.monthly.models import MonthlyGift
from payments.stripe_gateway.client import gateway
from payments.webhooks import sweep
from payments.webhooks.inbox import Delivery
from payments.webhooks.models import StripeCursor, StripeEvent
from tests.factories import a_donation
from tests.journeys import neighbours
from tests.journeys.neighbours import Stripe
from tests.monthly.promises import a_monthly_gift

MINUTE = timedelta(minutes=1)


@pytest.fixture(scope="module")
def _sandbox() -> Iterator[Stripe]:
    with neighbours.stripe() as sandbox:
        yield sandbox


@pytest.fixture
def stripe(_sandbox: Stripe, with_settings: Callable[..., None]) -> Stripe:
    """A Stripe with no webhook endpoint at all."""
    _sandbox.forget_everything()
    with_settings(broker_url="memory://", stripe_api_base=_sandbox.url)
    return _sandbox


def give(stripe: Stripe, donation_id: str, amount: int = 2500) -> None:
    from payments.money import Money
    from payments.stripe_gateway.client import CheckoutRequest

    page = gateway().open_checkout(
        CheckoutRequest(
            donation_id=donation_id,
            total=Money(amount, "usd"),
            description="A gift",
            email="ada@example.com",
            locale="en",
            success_url="http://give.example/thanks",
            cancel_url="http://give.example/donate",
            expires_at=datetime.now(UTC) + timedelta(hours=2),
        )
    )
    stripe.tell(f"checkout/sessions/{page.stripe_checkout_session_id}/pay")


def claimed(pause: timedelta = MINUTE) -> datetime | None:
    with transaction() as session:
        return sweep.claim(session, sweep.EVENTS, at_most_every=pause)


def test_the_first_reading_looks_back_two_days(database: str):
    before = datetime.now(UTC)

    created_from = claimed()

    assert created_from is not None
    assert timedelta(days=2) <= before - created_from <= timedelta(days=2, minutes=11)


def test_a_list_that_was_read_a_moment_ago_is_not_read_again(database: str):
    assert claimed() is not None

    assert claimed() is None
    with transaction() as session:
        assert sweep.claim(session, sweep.BALANCE_TRANSACTIONS, at_most_every=MINUTE) is not None


def test_the_next_reading_begins_a_little_before_the_end_of_the_last(database: str):
    claimed(timedelta(0))
    ended = datetime.now(UTC).replace(microsecond=0)
    with transaction() as session:
        sweep.note_read(session, sweep.EVENTS, up_to=int(ended.timestamp()))

    assert claimed(timedelta(0)) == ended - timedelta(minutes=10)


def test_the_cursor_never_moves_back(database: str):
    claimed()
    now = int(datetime.now(UTC).timestamp())
    with transaction() as session:
        sweep.note_read(session, sweep.EVENTS, up_to=now)
        sweep.note_read(session, sweep.EVENTS, up_to=now - 5000)
        sweep.note_read(session, sweep.EVENTS, up_to=0)

    with transaction() as session:
        read_to = session.scalars(select(StripeCursor.read_to)).one()
    assert int(read_to.timestamp()) == now


def read(name: str) -> list[list[Delivery]]:
    """The list as it would go into the inbox."""
    since = datetime.now(UTC) - MINUTE * 10
    return [sweep.deliveries(name, page) for page in sweep.pages(gateway(), name, created_from=since)]


def test_every_page_is_read_and_only_what_we_act_on_is_kept(database: str, stripe: Stripe):
    for number in range(18):
        give(stripe, f"don_{number}")
    in_all = int(stripe.ask("state")["event"])

    pages = read(sweep.EVENTS)

    types = [delivery.type for page in pages for delivery in page]
    assert in_all > 70
    assert types.count("checkout.session.completed") == 18
    assert types.count("charge.succeeded") == 18
    assert "payment_intent.created" not in types


def test_more_than_a_hundred_events_are_read_page_by_page(database: str, stripe: Stripe):
    for number in range(30):
        give(stripe, f"don_{number}")

    pages = read(sweep.EVENTS)

    assert len(pages) == 2
    assert len({delivery.stripe_event_id for page in pages for delivery in page}) == 60


def test_balance_transactions_come_with_their_charge(database: str, stripe: Stripe):
    give(stripe, "don_1")
    stripe.tell("settle")

    [[delivery]] = read(sweep.BALANCE_TRANSACTIONS)

    assert delivery.stripe_event_id.startswith("fetched:txn_")
    assert b'"metadata":{"donation":"don_1"}' in delivery.body


def test_a_page_read_again_brings_nothing_new(database: str, stripe: Stripe, session: Session):
    give(stripe, "don_1")
    [page] = read(sweep.EVENTS)

    first = sweep.store_page(session, page)
    again = sweep.store_page(session, page)

    assert (first, again) == (2, 0)
    assert set(session.scalars(select(StripeEvent.source))) == {"fetch"}


@pytest.mark.parametrize(
    ("hours_ago", "session_id", "status"),
    [(2, None, "expired"), (0, None, "pending"), (2, "cs_1", "pending")],
    ids=["long unopened", "just now", "opened"],
)
def test_only_a_gift_whose_page_never_opened_is_given_up_by_the_clock(
    organisation: Organisation, session: Session, hours_ago: int, session_id: str | None, status: str
):
    gift = a_donation(
        session,
        checkout_expires_at=datetime.now(UTC) - timedelta(hours=hours_ago),
        stripe_checkout_session_id=session_id and f"{session_id}_{uuid4().hex}",
    )

    sweep.expire_unopened(session)

    session.execute(text("select 1"))
    assert session.get_one(Donation, gift.id, populate_existing=True).status == status


@pytest.mark.parametrize(("stands", "then"), [("pending", "never_started"), ("ended", "ended")])
def test_a_promise_whose_page_never_opened_never_started_unless_it_was_ended(
    organisation: Organisation, session: Session, stands: str, then: str
):
    ended = {"ended_at": datetime.now(UTC), "end_reason": "donor"} if stands == "ended" else {}
    promise = a_monthly_gift(session, status=stands, stripe_subscription_id=None, **ended)
    a_donation(
        session,
        monthly_gift_id=promise.id,
        frequency="monthly",
        checkout_expires_at=datetime.now(UTC) - timedelta(hours=2),
    )

    sweep.expire_unopened(session)

    assert session.get_one(MonthlyGift, promise.id, populate_existing=True).status == then
