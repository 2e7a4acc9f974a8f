"""A merge that was wrong is taken back: each has again what was its own, and what came there since."""

from payments.webhooks.rebuild import rebuild
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
    two_records,
)
from tests.refunds.desk import Desk


def test_what_the_person_chooses_is_taken_and_the_rest_stays(desk: Desk) -> None:
    kept, gone = two_records(desk)
    home = ("--line", "1 Elm Road", "--postcode", "V5K 0A1", "--country", "CA", *AS_FINN)
    desk.types("donors", "address", gone, *home)

    merges(desk, kept, gone, "--take", "email", "--take", "name")

    page = page_of(desk, kept)
    assert (page["email"], page["name"]) == (GONE, "A. Park")
    assert page["postal_address"] == ["1 Elm Road", "V5K 0A1", "CA"]
    assert [record["email"] for record in page["records"]] == [KEPT]
    desk.types("donors", "email", kept, KEPT, *WHY)
    assert [page_of(desk, kept)["email"], page_of(desk, kept)["records"][0]["email"]] == [KEPT, GONE]
    desk.types("donors", "email", kept, GONE, *WHY)
    desk.reads_json("donors", "unmerge", gone, *WHY)
    assert (page_of(desk, kept)["email"], page_of(desk, kept)["postal_address"]) == (KEPT, [])
    assert (page_of(desk, gone)["email"], page_of(desk, gone)["name"]) == (GONE, "A. Park")
    assert page_of(desk, gone)["postal_address"] == ["1 Elm Road", "V5K 0A1", "CA"]


def test_a_merge_is_taken_back_with_whatever_came_there_since(desk: Desk) -> None:
    kept, gone = two_records(desk)
    before = {donor: page_of(desk, donor) for donor in (kept, gone)}
    merges(desk, kept, gone)
    at_home, at_work = (desk.a_paid_gift(700, email=email) for email in (KEPT, GONE))
    a_month_passes(desk)
    books = journal()

    parted = desk.reads_json("donors", "unmerge", gone, *WHY)

    assert (donor_of(at_home), donor_of(at_work), parted["stays"]) == (kept, gone, [at_home.id])
    pages = {donor: page_of(desk, donor) for donor in (kept, gone)}
    assert len(pages[gone]["gifts"]) == len(before[gone]["gifts"]) + 2
    assert len(pages[kept]["gifts"]) == len(before[kept]["gifts"]) + 1
    assert pages[gone]["monthly_gifts"][0]["id"] == before[gone]["monthly_gifts"][0]["id"]
    assert journal() == books
    assert breaches_found() == []
    assert not rebuild().differences
    assert "nothing to take back" in desk.types_wrongly("donors", "unmerge", gone, *WHY)
    assert merges(desk, kept, gone)["done_now"]
    assert breaches_found() == []


def test_of_three_records_the_last_merge_is_taken_back_first(desk: Desk) -> None:
    kept, gone = two_records(desk)
    third = donor_of(desk.a_paid_gift(600, email="a.park@third.example"))
    merges(desk, kept, gone)
    merges(desk, third, kept)
    later = desk.a_paid_gift(650, email=GONE)

    refused = desk.types_wrongly("donors", "unmerge", gone, *WHY)

    assert donor_of(later) == third
    assert f"`almoner donors unmerge {kept}` first" in refused
    assert breaches_found() == []
    desk.reads_json("donors", "unmerge", kept, *WHY)
    assert donor_of(later) == kept
    desk.reads_json("donors", "unmerge", gone, *WHY)
    assert donor_of(later) == gone
    assert breaches_found() == []
