"""Who gave much: by the book, each currency by itself, and named only for whoever may see donors."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from sqlalchemy import select, text

from payments.audit import large_donors_page
from payments.audit.large_donors import Asked, LargeDonors, large_donors
from payments.audit.stretch import stretch_named
from payments.clock import day_in, now
from payments.database import transaction
from payments.donations import recording
from payments.donations.models import Organisation
from payments.donations.offline import Channel, PayerKind
from payments.donations.organisation import receiving_entity
from payments.donations.wishes import Share
from payments.money import Money
from payments.reconciliation.reports.page import Tone
from payments.staff import people
from payments.staff.models import AuditEntry, StaffMember
from tests.audit.conftest import SURNAME, Almoner, Audited
from tests.offline.papers import a_cheque, taken_in


def found(
    by: StaffMember, *least: Money, year: int = 2026, because: str | None = None, **how: Any
) -> LargeDonors:
    with transaction() as session:
        stretch = stretch_named(session, f"{year}-01", f"{year}-12")
        asked = Asked(stretch=stretch, least=least or (Money(5_000, "usd"),), **how)
        return large_donors(session, asked, by=by, names_because=because)


def of(october: Audited, listed: LargeDonors) -> dict[str, tuple[int, int, int, int]]:
    """By the name of the donor's gift: cash, in kind, what went back, and what stands."""
    with transaction() as session:
        owners = {
            name: session.scalar(text("select donor_id from donations where id = :id"), {"id": gift})
            for name, gift in october.gifts.items()
        }
    names = {donor: name for name, donor in owners.items()}
    return {
        names[each.donor_id]: (each.cash, each.in_kind, each.went_back, each.stands) for each in listed.donors
    }


@pytest.fixture
def year(october: Audited, finn: StaffMember) -> Audited:
    """Ben has two thirds back; Gil also gave stock and a match thanks Eve; a dinner is half a sale."""
    october.stripe.it_is(11, 12)
    october.stripe.refund(october.charges["ben"], 4_000)
    october.hears()
    stock = a_cheque(
        donor_name=f"Gil {SURNAME}",
        channel=Channel.STOCK,
        amount=Money(70_000, "usd"),
        description="40 shares",
    )
    taken_in(finn, stock, email="gil@quillfeather.example")
    matched = a_cheque(
        donor_name="Acme Corp", amount=Money(9_900, "usd"), payer_kind=PayerKind.EMPLOYER_MATCH
    )
    eve = (f"Eve {SURNAME}", "eve@quillfeather.example")
    october.gifts["acme"] = taken_in(finn, matched, email="acme@acme.example", soft_credit=eve).donation.id
    dinner = a_cheque(
        donor_name=f"Hal {SURNAME}", amount=Money(8_000, "usd"), benefit=4_000, benefit_text="A dinner"
    )
    october.gifts["hal"] = taken_in(finn, dinner, email="hal@quillfeather.example").donation.id
    return october


def test_contributions_are_summed_by_donor_and_what_went_back_is_taken_off(
    year: Audited, vera: StaffMember
) -> None:
    listed = found(vera)

    assert of(year, listed) == {
        "gil": (10_000, 70_000, 0, 80_000),
        "acme": (9_900, 0, 0, 9_900),
        "dan": (9_000, 0, 0, 9_000),
        "ben": (10_000, 0, -4_000, 6_000),
    }
    assert [each.stands for each in listed.donors] == [80_000, 9_900, 9_000, 6_000]
    assert not any(each.later for each in listed.donors)
    assert (listed.donors[0].gifts, listed.donors[1].payers) == (2, ("employer_match",))
    krw, usd = listed.currencies
    assert (krw.threshold, krw.donors, krw.total) == (None, 1, 50_000)
    assert usd.listed == sum(each.stands for each in listed.donors)
    assert usd.total == usd.in_the_book == 104_900 + 2_500 + 4_000 + 700 + 4_000
    assert usd.brought == usd.moved == 108_900
    assert not any(each.name or each.address for each in listed.donors)


def test_a_soft_credit_stands_beside_and_is_in_no_sum(year: Audited, vera: StaffMember) -> None:
    listed = found(vera, Money(4_000, "usd"))

    assert sum(each.soft for each in listed.donors) == 9_900
    [eve] = [each for each in listed.donors if each.soft]
    assert (eve.stands, eve.gifts) == (4_000, 1)
    [thanked] = listed.thanked
    assert (thanked.donor_id, thanked.gifts, thanked.soft) == (eve.donor_id, 1, 9_900)
    assert listed.currencies[1].total == found(vera, Money(1, "usd")).currencies[1].listed


def test_the_greater_of_amount_and_share_counts_to_the_unit(year: Audited, vera: StaffMember) -> None:
    def least(*amounts: Money, **how: Any) -> list[int | None]:
        return [each.threshold for each in found(vera, *amounts, **how).currencies]

    # 116,100 in dollars: 8.01 % of it is 9,299.61.
    assert least(Money(5_000, "usd"), basis_points=801) == [4_005, 9_300]
    assert least(Money(9_301, "usd"), basis_points=801) == [4_005, 9_301]
    assert {each.stands for each in found(vera, Money(6_000, "usd")).donors} >= {6_000}
    assert 6_000 not in {each.stands for each in found(vera, Money(6_001, "usd")).donors}


def test_what_changed_after_the_last_day_is_told_beside_the_sum(
    october: Audited, vera: StaffMember, finn: StaffMember
) -> None:
    with transaction() as session:
        october_alone = stretch_named(session, "2026-10", "2026-10")
    october.stripe.it_is(11, 12)
    october.stripe.refund(october.charges["ben"], 4_000)
    october.hears()

    with transaction() as session:
        asked = Asked(stretch=october_alone, least=(Money(6_000, "usd"),))
        ben = large_donors(session, asked, by=vera).donors[-1]

    assert (ben.went_back, ben.later, ben.stands) == (-4_000, -4_000, 6_000)


def test_a_cheque_that_bounced_is_no_contribution(
    october: Audited, vera: StaffMember, finn: StaffMember
) -> None:
    with transaction() as session:
        recording.reverse(session, october.gifts["gil"], by=finn, reason="it bounced")

    listed = found(vera, Money(1, "usd"))

    assert "gil" not in of(october, listed)
    assert all(each.in_the_book == each.total for each in listed.currencies)


def test_who_gave_in_two_currencies_and_enough_in_none_is_counted(
    october: Audited, vera: StaffMember, finn: StaffMember
) -> None:
    won = a_cheque(amount=Money(40_000, "krw"), shares=(Share("general", 40_000),))
    taken_in(finn, won, email="ada@quillfeather.example")

    assert found(vera, Money(5_000, "usd"), Money(60_000, "krw")).in_several == 1
    assert found(vera, Money(2_500, "usd")).in_several == 0
    both = found(vera, Money(2_500, "usd"), Money(40_000, "krw"))
    assert len(both.donors) > len({each.donor_id for each in both.donors})
    assert all(each.agrees for each in both.currencies)


def test_names_are_for_whoever_sees_donors_and_are_noted(
    october: Audited, vera: StaffMember, finn: StaffMember
) -> None:
    with pytest.raises(people.NotAllowed):
        found(vera, because="Schedule B")
    with pytest.raises(people.ReasonMissing):
        found(finn, because=" ")

    listed = found(finn, because="Schedule B")

    assert {each.name for each in listed.donors} == {f"{name} {SURNAME}" for name in ("Ben", "Gil", "Dan")}
    with transaction() as session:
        noted = session.scalars(select(AuditEntry).where(AuditEntry.deed == "donors.large")).one()
    assert noted.reason == "Schedule B"
    assert set(noted.facts["donors"]) == {each.donor_id for each in listed.donors}
    assert SURNAME not in str(noted.facts)


def test_a_page_that_does_not_agree_with_the_book_says_so(october: Audited, vera: StaffMember) -> None:
    listed = found(vera)
    with transaction() as session:
        body = receiving_entity(session)
    broken = replace(
        listed, currencies=tuple(replace(each, in_the_book=each.total + 1) for each in listed.currencies)
    )

    whole, told = (large_donors_page.page_of(each, body, "ko") for each in (listed, broken))

    assert (whole.tone, told.tone) == (Tone.PLAIN, Tone.BAD)
    assert (whole.title, whole.subject) == ("2026", "고액 후원자")
    assert not told.controls[0].agrees


def test_finance_takes_it_along_from_the_terminal(october: Audited, almoner: Almoner, tmp_path: Path) -> None:
    out, page = tmp_path / "large.xlsx", tmp_path / "large.html"
    asked = ("donors", "large", "--year", "2026", "--least", "usd=90")

    told = almoner(*asked, "--as", "vera@example.org")
    named = almoner(
        *asked, "--as", "finn@example.org", "--names", "--reason", "Schedule B", "--out", str(out)
    )
    almoner(*asked, "--as", "vera@example.org", "--out", str(page), "--lang", "ko")
    by_law = almoner("donors", "large", "--year", "2026", "--as", "vera@example.org", "--json").json

    assert named.exit_code == told.exit_code == 0
    assert "agrees" in told.text
    assert SURNAME not in told.text + page.read_text()
    cells = [cell for row in openpyxl.load_workbook(out)["USD"].iter_rows(values_only=True) for cell in row]
    assert f"Gil {SURNAME}" in cells
    assert by_law["donors"] == []
    assert {each["currency"]: each["threshold"] for each in by_law["currencies"]} == {
        "usd": 500_000,
        "krw": None,
    }
    for wrong in (["--percent", "2.555"], ["--percent", "0"], ["--least", "usd=1"], ["--least", "krw"]):
        assert almoner(*asked, "--as", "vera@example.org", *wrong).error is not None


def test_a_body_whose_law_names_no_amount_must_be_told_one(
    organisation: Organisation, almoner: Almoner, finn: StaffMember
) -> None:
    year = str(day_in("Asia/Seoul", now()).year)

    said = almoner("donors", "large", "--year", year, "--entity", "kr", "--as", "finn@example.org")

    assert "from which amount on" in str(said.error)
