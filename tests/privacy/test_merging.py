"""Two records of one donor become one: nothing of either is lost, and the books stand as they were."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import select, text

from payments.clock import now
from payments.database import transaction
from payments.donations.models import Donation
from payments.giving import asking, sessions
from payments.giving import links as giving_links
from payments.mail.models import OutgoingMail
from payments.receipts.models import Receipt
from payments.supporters.donors import Donor
from payments.webhooks.models import QueuedEvent, StripeEvent
from payments.webhooks.rebuild import rebuild
from tests.privacy.searched import places_that_say
from tests.privacy.two_records import (
    AS_FINN,
    GONE,
    KEPT,
    WHY,
    a_month_passes,
    breaches_found,
    donor_of,
    journal,
    merges,
    page_of,
    register,
    two_records,
)
from tests.refunds.desk import Desk


def test_a_rehearsal_says_what_would_move_and_moves_nothing(desk: Desk) -> None:
    kept, gone = two_records(desk)

    plan = desk.reads_json("donors", "merge", kept, gone, *AS_FINN)
    told = desk.types("donors", "merge", kept, gone, *AS_FINN)

    moves = {moving["what"]: len(moving["ids"]) for moving in plan["moves"]}
    assert moves == {"gift": 2, "monthly gift": 1, "customer at Stripe": 1, "receipt": 2}
    assert (plan["refusals"], plan["kept"]["email"], plan["gone"]["email"]) == ([], KEPT, GONE)
    assert "stays as it was issued" in told
    assert len(page_of(desk, gone)["gifts"]) == 2
    assert {line.deed for line in desk.audit(gone)} >= {"donors.compare"}


def test_everything_is_one_donors_and_the_books_and_receipts_stand_to_the_byte(desk: Desk) -> None:
    kept, gone = two_records(desk)
    before, receipts, balances = journal(), register(), desk.house.balances()

    merges(desk, kept, gone)

    page = page_of(desk, kept)
    assert (len(page["gifts"]), len(page["monthly_gifts"]), len(page["papers"])) == (3, 1, 3)
    assert [(record["id"], record["email"]) for record in page["records"]] == [(gone, GONE)]
    assert page_of(desk, gone)["id"] == kept
    assert (journal(), register(), desk.house.balances()) == (before, receipts, balances)
    for wanted in (GONE, gone, KEPT, "A. Park"):
        found = desk.reads_json("donors", "find", wanted, *AS_FINN)
        assert [each["donor_id"] for each in found] == [kept]
    assert breaches_found() == []
    assert not rebuild().differences


def test_merging_twice_is_once_and_a_record_that_went_goes_nowhere_else(desk: Desk) -> None:
    kept, gone = two_records(desk)
    third = donor_of(desk.a_paid_gift(email="bo@example.com", name="Bo"))
    first = merges(desk, kept, gone)

    again = merges(desk, kept, gone)
    elsewhere = desk.types_wrongly("donors", "merge", third, gone, *WHY, "--yes")

    assert (again["merge"], again["done_now"], first["done_now"]) == (first["merge"], False, True)
    assert f"was merged into {kept}: use that id." in elsewhere
    assert [line.deed for line in desk.audit(kept)].count("donors.merge") == 1


def test_what_comes_late_comes_to_the_donor_who_stayed(desk: Desk) -> None:
    kept, gone = two_records(desk)
    begun = desk.house.gives(1500, email=GONE, name="A. Park")
    desk.house.webhooks_are("held")
    desk.house.pays(begun)
    merges(desk, kept, gone)

    desk.house.the_held_webhooks_come(shuffle=True, twice=True)
    desk.house.webhooks_are("delivered")
    desk.house.stripe_settles()
    desk.house.the_workers_work()
    typed_again = desk.a_paid_gift(2200, email=GONE.upper(), name="A. Park")
    a_month_passes(desk)
    with transaction() as session:
        session.add_all(
            QueuedEvent(stripe_event_id=each) for each in session.scalars(select(StripeEvent.stripe_event_id))
        )
    desk.house.the_workers_work()

    gifts = {gift["id"]: gift["status"] for gift in page_of(desk, kept)["gifts"]}
    assert gifts.keys() >= {begun.id, typed_again.id}
    assert (len(gifts), set(gifts.values())) == (6, {"paid"})
    with transaction() as session:
        assert set(session.scalars(select(Donation.donor_id))) == {kept}
        assert len(session.scalars(select(Donor)).all()) == 2
        receipts = session.scalars(
            select(OutgoingMail.to_address)
            .where(OutgoingMail.reference.like("receipt:%"))
            .order_by(OutgoingMail.queued_at.desc())
        ).all()
    assert set(receipts[:3]) == {KEPT}
    assert breaches_found() == []
    assert not rebuild().differences


def test_a_refund_and_a_dispute_after_the_merge_find_their_gift(desk: Desk) -> None:
    kept, gone = two_records(desk)
    given_back, disputed = (desk.a_paid_gift(amount, email=GONE) for amount in (1100, 1200))
    merges(desk, kept, gone)

    desk.a_refund(given_back)
    desk.everything_is_done()
    desk.house.stripe.tell(f"charges/{desk.charge_of(disputed)}/dispute")
    desk.house.stripe_settles()
    desk.house.the_workers_work()

    assert desk.house.the_book_ties()
    assert {donor_of(given_back), donor_of(disputed)} == {kept}
    assert desk.house.nothing_is_left_to_do()
    assert breaches_found() == []


def links_in(desk: Desk, address: str) -> list[str]:
    texts = (mail["Text"] for mail in desk.house.mails() if mail["To"][0]["Address"] == address)
    return [link for said in texts for link in re.findall(r"/monthly/([\w-]+)", said)]


def test_a_link_mailed_before_still_opens_its_gift_and_a_new_one_goes_to_the_donor(desk: Desk) -> None:
    kept, gone = two_records(desk)
    old = links_in(desk, GONE)[-1]
    merges(desk, kept, gone)

    opened = desk.house.http.get(f"{desk.house.url}/monthly/{old}", timeout=15)
    with transaction() as session:
        asking.ask(session, GONE)
        asking.answer(session)
    desk.house.they_issue_and_send()

    assert (opened.status_code, "$30.00" in opened.text) == (200, True)
    assert len(links_in(desk, KEPT)) > 0


def test_a_strangers_address_leads_nowhere_and_its_links_end(desk: Desk) -> None:
    kept, gone = two_records(desk)
    old = links_in(desk, GONE)[-1]

    merges(desk, kept, gone, "--mistyped")
    opened = desk.house.http.get(f"{desk.house.url}/monthly/{old}", timeout=15)
    stranger = desk.a_paid_gift(900, email=GONE, name="Somebody Else")

    assert opened.status_code == 410
    assert donor_of(stranger) not in {kept, gone}
    parted = desk.reads_json("donors", "unmerge", gone, *WHY)
    assert "another donor's by now" in parted["remarks"][0]


def test_a_letter_that_waits_leaves_for_the_donors_address_and_a_newsletters_does_not(desk: Desk) -> None:
    kept, gone = two_records(desk)
    with transaction() as session:
        receipt = session.scalars(
            select(OutgoingMail)
            .join(Receipt, OutgoingMail.reference == "receipt:" + Receipt.id)
            .join(Donation, Donation.id == Receipt.donation_id)
            .where(Donation.donor_id == gone)
            .limit(1)
        ).one()
        receipt.status, receipt.sent_at = "queued", None
        session.execute(
            text("""
                insert into outgoing_mails (id, reference, to_address, message_id, message, status)
                values ('msg_n', 'newsletter_ask:rdr_1', :gone, '<n@x>', 'To: x', 'queued')
            """),
            {"gone": GONE},
        )
        session.execute(
            text("""
                insert into newsletter_readers (id, email, locale, standing, since, asked_at, subscribed_at)
                values ('rdr_1', :gone, 'en', 'withdrawn', now(), now(), now()),
                    ('rdr_2', :kept, 'en', 'subscribed', now(), now(), now())
            """),
            {"gone": GONE, "kept": KEPT},
        )

    merges(desk, kept, gone)

    with transaction() as session:
        waiting = session.execute(
            select(OutgoingMail.reference, OutgoingMail.to_address, OutgoingMail.message).where(
                OutgoingMail.status == "queued"
            )
        ).all()
        standings = session.execute(text("select id, standing from newsletter_readers order by id")).all()
    went = {reference.split(":")[0]: (address, message) for reference, address, message in waiting}
    assert went["receipt"][0] == KEPT
    assert f"To: {KEPT}".encode() in went["receipt"][1]
    assert went["newsletter_ask"][0] == GONE
    assert [tuple(row) for row in standings] == [("rdr_1", "withdrawn"), ("rdr_2", "subscribed")]
    assert page_of(desk, kept)["newsletter"] == ["rdr_1", "rdr_2"]


def test_an_erasure_of_the_one_forgets_both_addresses(desk: Desk) -> None:
    kept, gone = two_records(desk)
    merges(desk, kept, gone)
    refused = desk.types_wrongly("donors", "erase", gone, "--stop-gifts", *AS_FINN, "--reason", "asked")

    desk.types("donors", "erase", kept, "--stop-gifts", *AS_FINN, "--reason", "asked")
    from workers.monthly import submit_changes
    from workers.privacy import delete_customers, erase_late

    for work in (submit_changes, delete_customers, erase_late, desk.house.the_workers_work, erase_late):
        work()

    assert f"merged into {kept}" in refused
    assert set(places_that_say(KEPT, GONE, "Ada Park", "A. Park")) == {"receipts.content"}
    assert breaches_found() == []
    assert "was erased" in desk.types_wrongly("donors", "unmerge", gone, *WHY)
    newcomer = donor_of(desk.a_paid_gift(800, email=GONE))
    assert newcomer not in {kept, gone}
    assert "was erased" in desk.types_wrongly("donors", "merge", newcomer, kept, *WHY, "--yes")


def test_a_payer_and_whoever_is_thanked_beside_are_two(desk: Desk) -> None:
    kept, gone = two_records(desk)
    with transaction() as session:
        session.execute(
            text("update donations set soft_credit_donor_id = :gone where donor_id = :kept"),
            {"kept": kept, "gone": gone},
        )

    assert "thanks the other: that is two." in desk.types_wrongly(
        "donors", "merge", kept, gone, *WHY, "--yes"
    )


def test_a_link_to_all_gifts_of_the_record_that_went_is_over(desk: Desk) -> None:
    kept, gone = two_records(desk)
    until = now() + timedelta(minutes=5)
    links = {
        donor: giving_links.token(donor, email, expires_at=until)
        for donor, email in ((kept, KEPT), (gone, GONE))
    }
    with transaction() as session:
        begun = sessions.begin(session, links[gone])

    merges(desk, kept, gone)

    with transaction() as session:
        assert sessions.opens_for(session, links[kept]).id == kept
        with pytest.raises(giving_links.GivingLinkOver):
            sessions.opens_for(session, links[gone])
        with pytest.raises(sessions.LookIsOver):
            sessions.donor_at(session, begun)
