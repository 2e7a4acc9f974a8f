"""A donor asks to be forgotten: who it was is gone, and the books stand as they were."""

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from payments.database import transaction
from payments.donations.models import Donation
from payments.giving.models import DonorSession
from payments.mail.models import OutgoingMail
from payments.privacy.models import CustomerDeletion, ErasureHold
from payments.stripe_gateway.client import gateway
from payments.supporters.donors import Donor
from payments.verify.checks import CHECKS
from payments.verify.run import breaches, snapshot
from payments.webhooks.models import QueuedEvent, StripeEvent
from payments.webhooks.rebuild import rebuild
from tests.giving.links import looked
from tests.journeys.house import Gift
from tests.journeys.what_stands import what_stands
from tests.privacy.searched import places_that_say
from tests.refunds.desk import Desk

NAME, EMAIL = "Zenobia Quartermaine", "zenobia.q@example.com"
_HELD = {"receipts.content"}


def breaches_found() -> list[str]:
    with snapshot() as connection:
        return [f"{f.kind} {f.sentence}" for check in CHECKS for f in breaches(connection, check)]


def donor_of(gift: Gift) -> str:
    with transaction() as session:
        return session.get_one(Donation, gift.id).donor_id


def erases(desk: Desk, donor: str, *more: str) -> dict[str, object]:
    words = ("donors", "erase", donor, "--as", "finn@lp.example", "--reason", "asked on 1 December", *more)
    proof: dict[str, object] = desk.reads_json(*words)
    return proof


_READS_THE_NEWSLETTER = text("""
    insert into newsletter_readers (id, email, locale, standing, since, asked_at)
    values ('rdr_1', :email, 'en', 'asked', now(), now())
""")


def a_history(desk: Desk) -> str:
    """A gift with a dedication, one refunded in part, one each month, and a neighbour who stays."""
    house = desk.house
    desk.a_paid_gift(name="Ada Park", email="ada@example.com")
    gift = desk.a_paid_gift(
        name=NAME, email=EMAIL, dedication={"kind": "in_memory", "name": f"{NAME} senior"}
    )
    with transaction() as session:
        session.execute(_READS_THE_NEWSLETTER, {"email": EMAIL.upper()})
    desk.a_refund(gift, 500, note=f"{NAME} gave too much")
    monthly = house.gives(3000, frequency="monthly", name=NAME, email=EMAIL)
    house.pays(monthly)
    house.stripe_settles()
    house.the_workers_work()
    desk.everything_is_done()
    house.stripe_settles()
    house.the_workers_work()
    return donor_of(gift)


def the_workers_of_erasures() -> None:
    from workers.monthly import submit_changes
    from workers.privacy import delete_customers, erase_late

    submit_changes()
    delete_customers()
    erase_late()


def test_after_an_erasure_no_column_knows_name_or_address_but_what_the_law_keeps(desk: Desk) -> None:
    donor = a_history(desk)
    others = places_that_say("ada@example.com", "Ada Park")
    balances, before = desk.house.balances(), breaches_found()
    assert {"donors.email", "stripe_events.body", "outgoing_mails.message"} <= set(places_that_say(EMAIL))

    assert looked(EMAIL)

    proof = erases(desk, donor, "--stop-gifts")
    the_workers_of_erasures()
    desk.house.the_workers_work()
    the_workers_of_erasures()

    assert set(places_that_say(NAME, EMAIL)) == _HELD
    assert places_that_say("ada@example.com", "Ada Park") == others
    assert desk.house.balances() == balances
    assert desk.house.the_book_ties()
    assert before == breaches_found() == []
    journal = proof["journal"]
    assert isinstance(journal, dict)
    assert journal["sha256_before"] == journal["sha256_after"]
    assert desk.house.nothing_is_left_to_do()
    with transaction() as session:
        assert not session.scalars(select(DonorSession)).all()


def test_every_event_still_replays_to_the_same_books(desk: Desk) -> None:
    donor = a_history(desk)
    erases(desk, donor, "--stop-gifts")
    the_workers_of_erasures()
    desk.house.the_workers_work()
    the_workers_of_erasures()
    with transaction() as session:
        before = what_stands(session)

    with transaction() as session:
        session.add_all(
            QueuedEvent(stripe_event_id=each) for each in session.scalars(select(StripeEvent.stripe_event_id))
        )
    desk.house.the_workers_work()

    with transaction() as session:
        assert what_stands(session) == before
    assert not rebuild().differences
    assert set(places_that_say(NAME, EMAIL)) == _HELD


def test_erasing_twice_changes_nothing(desk: Desk) -> None:
    donor = a_history(desk)
    first = erases(desk, donor, "--stop-gifts")

    again = erases(desk, donor)

    assert again == first
    assert first == desk.reads_json("donors", "erased", donor, "--as", "vera@lp.example")
    assert [line.deed for line in desk.audit(donor)] == ["donors.erase"]


def test_the_proof_names_nobody(desk: Desk) -> None:
    donor = a_history(desk)

    said = desk.types(
        *("donors", "erase", donor, "--stop-gifts", "--as", "finn@lp.example", "--reason", "asked")
    )

    assert NAME not in said
    assert EMAIL not in said
    assert "Held, and erased by itself the day after" in said
    assert "cus_" in said


def test_a_running_monthly_gift_is_ended_first(desk: Desk) -> None:
    donor = a_history(desk)

    said = desk.types_wrongly("donors", "erase", donor, "--as", "finn@lp.example", "--reason", "asked")

    assert "end it (`almoner monthly stop`), or give --stop-gifts." in said
    assert EMAIL in str(places_that_say(EMAIL)) or places_that_say(EMAIL)["donors.email"] == 1


def test_the_customer_is_deleted_at_stripe_after_the_gift_was_ended_there(desk: Desk) -> None:
    donor = a_history(desk)
    [subscription] = desk.house.stripe.list("subscriptions")

    erases(desk, donor, "--stop-gifts")
    the_workers_of_erasures()

    assert desk.house.stripe.list("customers") == []
    assert subscription_at_stripe(subscription["id"]) == "canceled"
    with transaction() as session:
        [deletion] = session.scalars(select(CustomerDeletion))
        assert (deletion.stripe_customer_id, deletion.done_at is not None) == (subscription["customer"], True)


def subscription_at_stripe(stripe_subscription_id: str) -> str:
    return gateway().billing.subscription(stripe_subscription_id).status


def test_a_guest_without_a_customer_is_named_for_the_dashboard(desk: Desk) -> None:
    gift = desk.a_paid_gift(name=NAME, email=EMAIL)

    proof = erases(desk, donor_of(gift))

    with transaction() as session:
        payment = session.get_one(Donation, gift.id).stripe_payment_intent_id
    assert proof["stripe"] == {"customers_to_delete": [], "payments_of_guests": [payment]}


def test_money_that_goes_back_later_tells_nobody(desk: Desk) -> None:
    gift = desk.a_paid_gift(name=NAME, email=EMAIL)
    donor = donor_of(gift)
    erases(desk, donor)
    sent = len(desk.house.mails())

    desk.a_refund(gift)
    desk.everything_is_done()
    the_workers_of_erasures()

    assert len(desk.house.mails()) == sent
    with transaction() as session:
        [notice] = session.scalars(select(OutgoingMail).where(OutgoingMail.reference.startswith("void:")))
        assert (notice.status, notice.message) == ("let_go", b"")
        assert session.get_one(Donor, donor).email == f"{donor}@erased.invalid"
    assert set(places_that_say(NAME, EMAIL)) == _HELD
    assert breaches_found() == []


def test_a_dispute_that_comes_later_is_applied_and_stored_without_the_person(desk: Desk) -> None:
    gift = desk.a_paid_gift(name=NAME, email=EMAIL)
    erases(desk, donor_of(gift))

    desk.house.stripe.tell(f"charges/{desk.charge_of(gift)}/dispute")
    desk.house.stripe_settles()
    desk.house.the_workers_work()
    the_workers_of_erasures()

    assert "charge.dispute.created" in desk.house.stored()
    assert desk.house.balances()["disputed_funds"] == 2500
    assert set(places_that_say(NAME, EMAIL)) == _HELD
    assert desk.house.the_book_ties()


def test_nothing_more_is_noted_of_an_erased_donor_and_a_new_gift_is_a_new_donors(desk: Desk) -> None:
    gift = desk.a_paid_gift(name=NAME, email=EMAIL)
    donor = donor_of(gift)
    erases(desk, donor)

    by = ("--as", "finn@lp.example")
    for words in (
        ("donors", "email", donor, EMAIL, *by, "--reason", "x"),
        ("donors", "address", donor, "--line", "1 High Street", "--postcode", "X", "--country", "CA", *by),
    ):
        assert "was erased: nothing more is kept of them" in desk.types_wrongly(*words)
    assert donor_of(desk.a_paid_gift(name=NAME, email=EMAIL)) != donor
    assert "erased" in desk.types("donors", "show", donor, *by)


def test_what_the_law_keeps_goes_by_itself_when_its_time_is_over(desk: Desk) -> None:
    from workers.privacy import release_holds

    gift = desk.a_paid_gift(name=NAME, email=EMAIL)
    erases(desk, donor_of(gift))
    release_holds()
    assert set(places_that_say(NAME, EMAIL)) == _HELD

    with transaction() as session:
        untils = set(session.scalars(select(ErasureHold.until)))
    seven_years_pass(desk)
    release_holds()
    release_holds()

    assert {until.month for until in untils} == {12}
    assert places_that_say(NAME, EMAIL) == {}
    assert breaches_found() == []
    with transaction() as session:
        assert all(session.scalars(select(ErasureHold.released_at)))


def seven_years_pass(desk: Desk) -> None:
    """For the holds: nobody but the owner of the database can move their days."""
    from payments.settings import settings
    from tests.conftest import as_owner

    with as_owner(settings().database_url) as owner:
        owner.exec_driver_sql(
            "set session_replication_role = replica; update erasure_holds set until = current_date - 1;"
            " set session_replication_role = origin"
        )


@pytest.mark.parametrize("table", ["receipts", "receipt_documents"])
def test_the_database_itself_refuses_to_erase_what_is_held(desk: Desk, table: str) -> None:
    gift = desk.a_paid_gift(name=NAME, email=EMAIL)
    erasure = erases(desk, donor_of(gift))["erasure"]

    with transaction() as session, pytest.raises(DBAPIError, match="the law keeps"):
        session.execute(
            text("select almoner_erase(:erasure, :table, (select id from receipts))"),
            {"erasure": erasure, "table": table},
        )


def test_a_reason_that_names_the_donor_is_refused(desk: Desk) -> None:
    gift = desk.a_paid_gift(name=NAME, email=EMAIL)

    said = desk.types_wrongly(
        *("donors", "erase", donor_of(gift), "--as", "finn@lp.example"),
        *("--reason", f"{NAME.upper()} asked"),
    )

    assert said == "Give a reason that does not name the donor: it stays."


@pytest.mark.parametrize("who", ["vera", "sue", "adam", "abe"])
def test_only_finance_erases(desk: Desk, who: str) -> None:
    gift = desk.a_paid_gift(name=NAME, email=EMAIL)

    said = desk.types_wrongly(
        "donors", "erase", donor_of(gift), "--as", f"{who}@lp.example", "--reason", "asked"
    )

    assert said == "This needs the role finance. Ask an admin."


def test_an_open_page_and_a_bank_that_has_not_answered_are_waited_for(desk: Desk) -> None:
    house = desk.house
    gift = house.gives(name=NAME, email=EMAIL)
    debit = house.gives(name=NAME, email=EMAIL)
    house.pays_from_the_bank(debit)
    house.the_workers_work()

    said = desk.types_wrongly(
        "donors", "erase", donor_of(gift), "--as", "finn@lp.example", "--reason", "asked"
    )

    assert f"The page of gift {gift.id} is open until" in said
    assert f"The bank has not answered for gift {debit.id}" in said
