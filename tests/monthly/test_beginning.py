"""The promise is written before the donor leaves for Stripe: whole, and once for each key."""

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.donations import checkout
from payments.donations.models import Organisation
from payments.donations.wishes import Agreed, Dedication, Share, Wish
from payments.money import Money
from payments.monthly import beginning
from tests.donations.test_wishes import a_wish

KEY = "api:the-key-of-a-client"


def a_monthly_wish(amount: int = 2500, **given) -> Wish:
    return a_wish(amount, **({"frequency": "monthly"} | given))


def begin(session: Session, wish: Wish, *, fee_cover: int = 0) -> checkout.Begun | None:
    agreed = Agreed(
        total=Money(wish.amount + fee_cover, wish.currency),
        fee_cover=Money(fee_cover, wish.currency),
        shares=wish.shares,
        donor_email=wish.donor_email,
        donor_name=wish.donor_name,
    )
    return beginning.begin(
        session, wish, agreed, key=KEY, wish_sha256=checkout.fingerprint(wish), entity_id="us"
    )


def test_the_promise_its_terms_and_its_first_instalment_are_written_together(
    organisation: Organisation, session: Session
):
    wish = a_monthly_wish(
        shares=(Share("rescue", 1500), Share("education", 1000)),
        dedication=Dedication("in_memory", "Grandmother"),
        locale="ko",
        source={"page": "/stories"},
    )

    begun = begin(session, wish, fee_cover=106)

    assert begun is not None
    promise, donation = (
        session.execute(
            text(
                "select donor_id, donor_name, locale, currency, dedication_kind, dedication_name, source,"  # noqa: S608
                f" entity_id, status from {table}"
            )
        ).one()
        for table in ("monthly_gifts", "donations")
    )
    assert promise == donation
    assert promise.status == "pending"
    assert session.execute(text("select number, amount, fee_cover_amount from monthly_terms")).one() == (
        *(1, 2606, 106),
    )
    parts = "select position, fund_id, amount from {} order by position"
    monthly = session.execute(text(parts.format("monthly_allocations"))).all()
    assert monthly == session.execute(text(parts.format("donation_allocations"))).all()
    assert [tuple(part) for part in monthly] == [(0, "rescue", 1500), (1, "education", 1000)]


def test_the_first_instalment_knows_its_promise(organisation: Organisation, session: Session):
    begun = begin(session, a_monthly_wish())

    assert begun is not None
    stored = checkout.find(session, begun.donation.id)
    assert stored.frequency == "monthly"
    assert stored.monthly_gift_id == session.scalar(text("select id from monthly_gifts"))
    assert stored.monthly_gift_id == begun.donation.monthly_gift_id


def test_a_used_key_makes_no_second_promise(organisation: Organisation, session: Session):
    begin(session, a_monthly_wish())

    assert begin(session, a_monthly_wish(2600)) is None
    for table in ("monthly_gifts", "monthly_terms", "monthly_allocations", "donations"):
        assert session.scalar(text(f"select count(*) from {table}")) == 1, table  # noqa: S608


def test_a_gift_given_once_makes_no_promise(organisation: Organisation, session: Session):
    wish = a_wish()
    agreed = Agreed(
        total=Money(2500, "usd"),
        fee_cover=Money(0, "usd"),
        shares=wish.shares,
        donor_email=wish.donor_email,
        donor_name=wish.donor_name,
    )
    checkout.begin(session, wish, agreed, key=KEY, wish_sha256=checkout.fingerprint(wish), entity_id="us")

    assert session.scalar(text("select count(*) from monthly_gifts")) == 0
    assert session.scalar(text("select monthly_gift_id from donations")) is None


def test_stripe_is_asked_for_the_promise_by_the_programmes_name(organisation: Organisation, session: Session):
    begun = begin(session, a_monthly_wish(shares=(Share("rescue", 2500),)))
    assert begun is not None

    asked = checkout.request_for(
        begun.donation,
        fund_names=["Rescue"],
        programme="Liberty",
        email="ada@example.com",
        public_base_url="https://give.example",
    )

    assert asked.monthly_gift_id == begun.donation.monthly_gift_id
    assert asked.description == "Liberty · Rescue"
