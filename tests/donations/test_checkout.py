"""From a wish to a page: one key, one gift, one caller who asks Stripe."""

import threading
import time
from datetime import timedelta

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from payments.clock import now
from payments.database import transaction
from payments.donations import checkout
from payments.donations.checkout import DonationNotFound, IdempotencyKeyReused
from payments.donations.models import Donation, DonationRequest, Organisation
from payments.donations.wishes import Agreed, Dedication, Share, Wish
from payments.money import Money
from payments.stripe_gateway.client import CheckoutPage
from payments.supporters.donors import recognise
from tests.donations.test_wishes import a_wish

KEY = "api:the-key-of-a-client"


def begin(session: Session, wish: Wish, *, key: str = KEY) -> checkout.Begun | None:
    agreed = Agreed(
        total=Money(wish.amount, wish.currency),
        fee_cover=Money(0, wish.currency),
        shares=wish.shares,
        donor_email=wish.donor_email,
        donor_name=wish.donor_name,
    )
    return checkout.begin(
        session, wish, agreed, key=key, wish_sha256=checkout.fingerprint(wish), entity_id="us"
    )


def begun(session: Session, wish: Wish, *, key: str = KEY) -> Donation:
    """The gift as it was stored."""
    made = begin(session, wish, key=key)
    assert made is not None
    return checkout.find(session, made.donation.id)


def earlier(session: Session, wish: Wish, *, key: str = KEY) -> checkout.Claim | None:
    return checkout.earlier(session, key=key, wish_sha256=checkout.fingerprint(wish))


def test_a_new_key_has_no_earlier_gift(organisation: Organisation, session: Session):
    assert earlier(session, a_wish()) is None


def test_the_first_caller_may_ask_stripe_and_the_second_waits(organisation: Organisation, session: Session):
    first = begun(session, a_wish())

    second = earlier(session, a_wish())

    assert second is not None
    assert not second.may_ask
    assert second.donation.id == first.id


def test_a_caller_that_went_silent_is_relieved_once(organisation: Organisation, session: Session):
    begun(session, a_wish())
    silent_since = now() - timedelta(seconds=1)
    session.execute(update(DonationRequest).values(caller_until=silent_since))
    session.expire_all()

    heirs = [earlier(session, a_wish()), earlier(session, a_wish())]

    assert [heir is not None and heir.may_ask for heir in heirs] == [True, False]


def test_a_caller_that_let_go_is_relieved_at_once(organisation: Organisation, session: Session):
    gift = begun(session, a_wish())
    checkout.let_go(session, gift.id)
    session.expire_all()

    heir = earlier(session, a_wish())

    assert heir is not None
    assert heir.may_ask


def test_nobody_asks_again_once_the_page_is_there(organisation: Organisation, session: Session):
    gift = begun(session, a_wish())
    page = CheckoutPage(stripe_checkout_session_id="cs_1", url="https://stripe.test/cs_1")
    checkout.record_page(session, gift.id, page)
    checkout.let_go(session, gift.id)
    session.expire_all()

    later = earlier(session, a_wish())

    assert later is not None
    assert not later.may_ask
    assert later.donation.checkout_url == "https://stripe.test/cs_1"


@pytest.mark.parametrize(
    "other",
    [
        a_wish(2600),
        a_wish(currency="krw"),
        a_wish(cover_fees=True),
        a_wish(shares=(Share("rescue", 2500),)),
        a_wish(donor_name="Bea Kim"),
        a_wish(donor_email="bea@example.com"),
        a_wish(locale="ko"),
        a_wish(dedication=Dedication("in_memory", "Grandmother")),
        a_wish(source={"page": "elsewhere"}),
    ],
)
def test_any_other_wish_under_the_same_key_is_refused(
    organisation: Organisation, session: Session, other: Wish
):
    begun(session, a_wish())

    with pytest.raises(IdempotencyKeyReused):
        earlier(session, other)


def test_a_used_key_makes_no_second_gift(organisation: Organisation, session: Session):
    begun(session, a_wish())

    assert begin(session, a_wish(2600)) is None
    assert session.scalar(text("select count(*) from donations")) == 1
    assert session.scalar(text("select count(*) from donors")) == 1


def test_of_two_callers_with_one_key_the_second_waits_and_makes_nothing(organisation: Organisation):
    told: list[str] = []
    with transaction() as first:
        begun(first, a_wish())
        second = threading.Thread(target=_begin_too, args=(told, a_wish()))
        second.start()
        _wait_until_somebody_waits()
        told.append("the first commits")
    second.join(timeout=10)

    assert told == ["the first commits", "the second made nothing"]


def test_two_first_gifts_of_one_donor_at_once_are_two_gifts_of_one_donor(organisation: Organisation):
    told: list[str] = []
    with transaction() as first:
        begun(first, a_wish())
        second = threading.Thread(target=_begin_too, args=(told, a_wish(), "api:another-key"))
        second.start()
        _wait_until_somebody_waits()
    second.join(timeout=10)

    assert told == ["the second made a gift"]
    with transaction() as session:
        assert session.execute(
            text(
                "select count(*), count(distinct donor_id) from donations join donors on donors.id = donor_id"
            )
        ).one() == (2, 1)


def _begin_too(told: list[str], wish: Wish, key: str = KEY) -> None:
    with transaction() as session:
        made = begin(session, wish, key=key)
        told.append("the second made a gift" if made else "the second made nothing")


def _wait_until_somebody_waits() -> None:
    waiting = text(
        "select count(*) from pg_locks join pg_stat_activity using (pid)"
        " where not granted and datname = current_database()"
    )
    with transaction() as onlooker:
        for _ in range(500):
            if onlooker.scalar(waiting):
                return
            time.sleep(0.01)
    raise AssertionError("nobody waits for a lock")


def test_callers_who_come_later_pass_one_by_one(organisation: Organisation):
    entered: list[str] = []
    with transaction() as session:
        begun(session, a_wish())
    with transaction() as first:
        assert earlier(first, a_wish()) is not None
        second = threading.Thread(target=_find_earlier, args=(entered,))
        second.start()
        _wait_until_somebody_waits()
        entered.append("the first leaves")
    second.join(timeout=10)

    assert entered == ["the first leaves", "the second finds it"]


def _find_earlier(entered: list[str]) -> None:
    with transaction() as session:
        found = earlier(session, a_wish())
        entered.append("the second finds it" if found is not None else "the second found nothing")


def test_a_gift_is_written_as_it_was_agreed(organisation: Organisation, session: Session):
    wish = a_wish(
        shares=(Share("rescue", 1500), Share("education", 1000)),
        dedication=Dedication("in_memory", " Grandmother "),
        locale="ko",
        source={"page": "/stories", "utm_campaign": "winter"},
    )

    gift = begun(session, wish)
    session.commit()

    row = session.execute(
        text("select status, amount, locale, dedication_name, source, checkout_expires_at from donations")
    ).one()
    parts = session.execute(text("select fund_id, amount from donation_allocations order by position"))
    assert tuple(row)[:5] == (
        "pending",
        2500,
        "ko",
        "Grandmother",
        {"page": "/stories", "utm_campaign": "winter"},
    )
    assert timedelta(minutes=110) < row.checkout_expires_at - now() <= timedelta(hours=2)
    assert [tuple(part) for part in parts] == [("rescue", 1500), ("education", 1000)]
    assert gift.id.startswith("don_")


def test_stripe_is_asked_from_the_row_alone_and_so_twice_the_same(
    organisation: Organisation, session: Session
):
    wish = a_wish(shares=(Share("rescue", 1500), Share("education", 1000)), locale="ko")
    gift_id = begun(session, wish).id
    session.commit()

    asked = [_request(session, gift_id) for _ in range(2)]

    assert asked[0] == asked[1]
    assert asked[0].description == "구출과 정착 · 교육과 멘토링"
    assert asked[0].total == Money(2500, "usd")
    assert asked[0].success_url == f"https://give.example/thank-you/{gift_id}"
    assert asked[0].cancel_url == f"https://give.example/donate?cancelled={gift_id}&lang=ko"


def _request(session: Session, gift_id: str):
    session.expire_all()
    gift = checkout.find(session, gift_id)
    return checkout.request_for(
        gift,
        fund_names=checkout.fund_names(session, gift),
        programme="Liberty",
        email="ada@example.com",
        public_base_url="https://give.example",
    )


def test_the_webhook_may_be_faster_than_the_page(organisation: Organisation, session: Session):
    gift = begun(session, a_wish())
    gift.stripe_checkout_session_id = "cs_1"
    gift.status = "paid"  # type: ignore[assignment]
    session.flush()

    opened = checkout.record_page(session, gift.id, CheckoutPage(stripe_checkout_session_id="cs_1", url=None))
    session.refresh(gift)

    assert opened.status == "paid"
    assert (gift.status, gift.stripe_checkout_session_id) == ("paid", "cs_1")


def test_an_unknown_gift_is_said_to_be_unknown(organisation: Organisation, session: Session):
    with pytest.raises(DonationNotFound, match="There is no donation with this id"):
        checkout.find(session, "don_nobody")


def test_one_address_is_one_donor_however_it_is_written(organisation: Organisation, session: Session):
    ids = {
        recognise(session, email=email, name=name, locale="en")
        for email, name in [("ada@example.com", "Ada"), ("ADA@example.com", "Somebody else")]
    }

    assert len(ids) == 1
    assert session.scalars(text("select name from donors")).all() == ["Ada"]


def test_ids_of_gifts_tell_nothing_about_each_other(organisation: Organisation, session: Session):
    ids = [begun(session, a_wish(), key=f"{KEY}{number}").id for number in range(20)]

    assert len({one[:12] for one in ids}) == 20
    assert len(session.scalars(select(Donation.id)).all()) == 20
