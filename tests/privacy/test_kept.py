# ruff: noqa: S608 - nothing here comes from outside
"""What other programs and offices were told of a donor: held by its rule, or gone with the donor."""

import pytest
from sqlalchemy import select, text

from payments.database import transaction
from payments.donations.models import Donation
from payments.donations.offline import PayerKind
from payments.privacy.models import ErasureHold
from payments.privacy.places import AT_ONCE
from payments.receipts import owing
from payments.reconciliation.exports import batches, stored_files
from payments.settings import settings
from payments.staff import people
from payments.verify.checks import named
from payments.verify.run import breaches, snapshot
from tests.conftest import as_owner
from tests.offline.papers import a_cheque, taken_in
from tests.privacy.searched import places_that_say
from tests.privacy.test_erasing import EMAIL, NAME, erases, seven_years_pass
from tests.refunds.desk import Desk

_TOLD = f"""
    set session_replication_role = replica;
    with gift as (
        select d.*, (select min(id) from staff_members) as staff from donations d
    ), declared as (
        insert into gift_aid_declarations (id, entity_id, donor_id, first_name, last_name, house, postcode,
            wording_code, wording_version, wording_shown, covers_past, covers_future, channel, given_on)
        select n.id, d.entity_id, d.donor_id, 'Zenobia', '{NAME}', '1', 'AB1 2CD', 'future', 1, '', false,
            true, 'online', d.gift_date from gift d cross join (values ('gad_claimed'), ('gad_free')) n (id)
    ), claimed as (
        insert into gift_aid_claims (id, entity_id, number, until, made_by, line_count, earliest, total,
            ods, csv, ods_sha256, csv_sha256)
        select 'gac_x', d.entity_id, 1, d.gift_date, d.staff, 1, d.gift_date, d.amount, '{NAME}', '{NAME}',
            encode(sha256('{NAME}'), 'hex'), encode(sha256('{NAME}'), 'hex') from gift d
    ), lined as (
        insert into gift_aid_lines (donation_id, claim_id, item, declaration_id, amount)
        select d.id, 'gac_x', 1, 'gad_claimed', d.amount from gift d
    ), listed as (
        insert into giving_statements (id, entity_id, donor_id, series, tax_year, sequence, number, content)
        select 'gst_x', entity_id, donor_id, 'US-A', 2026, 1, 'US-A-2026-000001', jsonb_build_object(
            'donor_name', '{NAME}', 'gifts', '[]'::jsonb, 'through_others', '[]'::jsonb) from gift
    ), drawn as (
        insert into statement_documents (statement_id, pdf, pdf_sha256, is_plain_pdf, template_sha256)
        select 'gst_x', '{NAME}', encode(sha256('{NAME}'), 'hex'), true, 'x' from gift
    ), account as (
        insert into bank_accounts (id, entity_id, name, currency, added_by)
        select 'operating', entity_id, 'Operating', 'usd', staff from gift
    ), statement as (
        insert into bank_statements (id, bank_account_id, format, file_name, sha256, file, first_day,
            last_day, opening, closing, line_count, imported_by)
        select 'bst_x', 'operating', 'csv', 'november.csv', 'x', '{NAME.upper()}', gift_date, gift_date, 0,
            0, 1, staff from gift
    ), line as (
        insert into bank_lines (id, bank_account_id, bank_statement_id, position, booked_on, amount,
            currency, counterparty, text, fingerprint, occurrence)
        select 'bln_x', 'operating', 'bst_x', 1, gift_date, 2500, 'usd', '{NAME.upper()}', 'gift', 'x', 1
        from gift
    ), batch as (
        insert into export_batches (number, target, entity_id, last_day, granularity, entry_count, totals,
            control, settings, file_name, size, sha256, made_by, made_at)
        select 1, 'npsp', entity_id, gift_date, 'transaction', 1, '{{}}', '{{}}', '{{}}', 'x.csv', 1, 'x',
            staff, now() from gift
    ), chunk as (
        insert into export_chunks values (1, 0, '{NAME}')
    )
    insert into exported_entries select 'npsp', number, 1 from journal_entries;
    set session_replication_role = origin
"""


def told_everywhere(desk: Desk) -> str:
    """A gift of which HMRC, the bank and another program know."""
    gift = desk.a_paid_gift(name=NAME, email=EMAIL)
    with as_owner(settings().database_url) as owner:
        owner.exec_driver_sql(_TOLD)
    with transaction() as session:
        return session.get_one(Donation, gift.id).donor_id


def test_claims_and_bank_records_are_held_by_their_rules_and_an_export_goes(desk: Desk) -> None:
    from workers.privacy import release_holds

    donor = told_everywhere(desk)

    proof = erases(desk, donor)

    assert set(places_that_say(NAME, EMAIL)) == {
        "receipts.content",
        *("gift_aid_declarations.last_name", "gift_aid_claims.ods", "gift_aid_claims.csv"),
        *("bank_lines.counterparty", "bank_statements.file"),
        *("giving_statements.content", "statement_documents.pdf"),
    }
    with transaction() as session:
        held = {row.row_id: row.rule for row in session.scalars(select(ErasureHold))}
    assert held["gad_claimed"] == held["gac_x"] == "gb-gift-aid"
    assert held["bln_x"] == held["bst_x"] == "us-records"
    assert "gad_free" not in held
    erased = proof["rows_erased"]
    assert isinstance(erased, dict)
    assert (erased["export_chunks"], erased["gift_aid_declarations"]) == (1, 1)

    seven_years_pass(desk)
    release_holds()

    assert places_that_say(NAME, EMAIL) == {}
    of_papers = named(["gift_aid_claim_differs", "statement_document_changed", "erased_donor_known"])
    with snapshot() as connection:
        assert not [found for check in of_papers for found in breaches(connection, check)]


def test_a_file_that_named_an_erased_donor_says_so_instead(desk: Desk) -> None:
    donor = told_everywhere(desk)
    erases(desk, donor)

    with transaction() as session, pytest.raises(stored_files.ExportErased, match="Make a new one"):
        list(stored_files.read(session, batches.find(session, 1)))


def test_a_name_of_two_korean_letters_is_taken_out_of_what_was_noted(desk: Desk) -> None:
    gift = desk.a_paid_gift(name="김구", email=EMAIL)
    desk.a_refund(gift, 500, note="김구 wrote: too much")
    desk.everything_is_done()
    desk.house.the_workers_work()
    with transaction() as session:
        donor = session.get_one(Donation, gift.id).donor_id

    erases(desk, donor)

    assert set(places_that_say("김구", EMAIL)) == {"receipts.content"}


def test_a_korean_number_goes_unless_a_register_has_it(desk: Desk) -> None:
    donor = told_everywhere(desk)
    keep = {"kept": "2040-12-31", "free": "2027-12-31"}
    left = {}
    for name, until in keep.items():
        with as_owner(settings().database_url) as owner:
            owner.exec_driver_sql(
                "insert into korean_registration_numbers (donor_id, sealed, consent_version, consent_shown,"
                f" consented_on, noted_by, keep_until) select '{donor}', 'x', 1, '', current_date, min(id),"
                f" '{until}' from staff_members on conflict (donor_id) do update set keep_until = '{until}'"
            )
        with transaction() as session:
            statement = next(p for p in AT_ONCE if p.table == "korean_registration_numbers").erases
            session.execute(text(statement), {"records": [donor]})
            left[name] = session.execute(
                text("select count(*) from korean_registration_numbers")
            ).scalar_one()

    assert left == {"kept": 1, "free": 0}


def thanked_beside_a_fund(desk: Desk) -> owing.TakenIn:
    """A cheque of a donor-advised fund, for which Zenobia is thanked."""
    with transaction() as session:
        finn = people.find(session, "finn@lp.example")
    taken = taken_in(
        finn,
        a_cheque(donor_name="Vale Charitable Trust", payer_kind=PayerKind.DONOR_ADVISED_FUND),
        email="grants@vale.example",
        soft_credit=(NAME, EMAIL),
    )
    desk.house.the_workers_work()
    return taken


def test_whoever_was_thanked_beside_a_payer_goes_from_the_payers_paper_too(desk: Desk) -> None:
    from workers.privacy import release_holds

    taken = thanked_beside_a_fund(desk)
    assert taken.donation.soft_credit_donor_id is not None

    erases(desk, taken.donation.soft_credit_donor_id)
    assert set(places_that_say(NAME, EMAIL)) == {"receipts.content"}
    seven_years_pass(desk)
    release_holds()

    assert places_that_say(NAME, EMAIL) == {}
    assert "receipts.content" in places_that_say("Vale Charitable Trust")


def test_a_payer_who_is_erased_leaves_whoever_was_thanked(desk: Desk) -> None:
    taken = thanked_beside_a_fund(desk)

    erases(desk, taken.donation.donor_id)

    assert {"donors.email", "donors.name"} <= set(places_that_say(NAME, EMAIL))
    assert set(places_that_say("Vale Charitable Trust", "grants@vale.example")) == {"receipts.content"}


def test_the_home_address_goes(desk: Desk) -> None:
    gift = desk.a_paid_gift(name=NAME, email=EMAIL)
    with transaction() as session:
        donor = session.get_one(Donation, gift.id).donor_id
    desk.types(
        *("donors", "address", donor, "--line", "17 Wyrmwood Lane", "--postcode", "V0N 1B0"),
        *("--country", "CA", "--as", "finn@lp.example"),
    )

    erases(desk, donor)

    assert places_that_say("Wyrmwood") == {}
