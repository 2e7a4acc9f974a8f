"""What does not fit is found once, kept with its owner, and gone when it is mended. All of it, no more."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select, text

from payments.database import transaction
from payments.reconciliation.models import Discrepancy
from payments.reconciliation.reconcile import ExceptionUnknown, OwnException
from payments.staff import people
from payments.staff.models import Role
from payments.staff.people import NotAllowed
from tests.reconciliation.test_matching import DAY, a_payout
from tests.reconciliation.test_payouts import charge_of
from tests.reconciliation.treasury import Treasury, kinds


@pytest.fixture
def abe(treasury: Treasury) -> None:
    """Who may accept."""
    with transaction() as session:
        adam = people.find(session, "adam@example.org")
        people.add(session, email="abe@example.org", name="Abe", roles=[Role.APPROVER], by=adam)


def a_clean_month(treasury: Treasury) -> tuple[str, date, int]:
    """Two gifts and a refund of part of one; paid out, and on the statement."""
    treasury.a_paid_gift(5000)
    gift = treasury.a_paid_gift(9000)
    treasury.house.stripe.tell(f"charges/{charge_of(gift.id)}/refund", amount=1500)
    payout, day, amount = a_payout(treasury, statement_descriptor="EXAMPLE RELIEF", paid=True)
    treasury.the_bank_says((day - 20 * DAY, -500, "FEE"), (day, amount, "EXAMPLE RELIEF PAYOUT"))
    return payout, day, amount


def test_in_a_clean_month_nothing_is_found(treasury: Treasury):
    a_clean_month(treasury)

    done = treasury.almoner("reconcile", "--json")

    assert (done.exit_code, done.json["exceptions"]) == (0, [])
    assert "Nothing is open." in treasury.almoner("exceptions", "list").text


DAMAGES = {
    "payout_differs": "update payouts set amount = amount + 1",
    "payout_not_proven": "update payouts set listed_at = null, arrives_on = arrives_on - 10",
    "payout_overdue": """
        update bank_matches set undone_at = now(), undone_by = :finn, undo_reason = 'x';
        update payouts set arrives_on = arrives_on - 10
    """,
    "bank_gap": """
        insert into bank_statements (id, bank_account_id, format, file_name, sha256, file, first_day,
            last_day, opening, closing, line_count, imported_by)
        select 'bst_x', bank_account_id, 'mt940', 'x', 'x', '', last_day + 1, last_day + 1, closing + 1,
            closing + 1, 0, imported_by
        from bank_statements
    """,
    "gift_without_movement": """
        update charges set donation_id = null
        where stripe_charge_id = (select min(stripe_charge_id) from charges where amount = 2500);
        update donations set paid_at = paid_at - interval '2 days'
    """,
    "payout_failed": "update payouts set status = 'failed', failure_balance_transaction_id = 'txn_0'",
    "dispute_unanswered": """
        insert into disputes (stripe_dispute_id, stripe_charge_id, amount, currency, reason, status,
            evidence_due_by, opened_at)
        select 'dp_1', stripe_charge_id, 1, 'usd', 'fraudulent', 'needs_response', now() + interval '3 days',
            now()
        from charges limit 1
    """,
    "receipt_of_money_given_back": """
        insert into refunds
            (id, stripe_refund_id, donation_id, stripe_charge_id, amount, currency, status, origin)
        select 'rfd_1', 're_1', c.donation_id, c.stripe_charge_id, c.amount, c.currency, 'succeeded', 'stripe'
        from charges c where c.amount = 5000
    """,
}
DOES_NOT_BLOCK = {"payout_failed", "dispute_unanswered"}


@pytest.mark.parametrize("kind", DAMAGES)
def test_each_kind_of_damage_is_found_and_named(treasury: Treasury, kind: str):
    a_clean_month(treasury)
    treasury.reconciles()
    with transaction() as session:
        for each in DAMAGES[kind].split(";"):
            session.execute(text(each), {"finn": treasury.bank.finn.id} if ":finn" in each else {})
    if kind == "payout_overdue":
        later = treasury.bank.lines[-1].booked_on + timedelta(days=20)
        treasury.the_bank_says((later, -5, "FEE"))

    found = {each["kind"]: each for each in treasury.reconciles()["exceptions"]}

    assert kind in found
    assert found[kind]["blocks_close"] is (kind not in DOES_NOT_BLOCK)
    assert found[kind]["sentence"].endswith(".")
    # A payout of another amount is no longer what the bank's line was matched with.
    follows = {"payout_not_proven", "bank_line_unmatched", "bank_line_matched_twice"}
    assert set(found) <= {kind, *follows}


def test_money_no_rule_knows_blocks_until_somebody_says_what_it_is(treasury: Treasury):
    moved = treasury.house.stripe.tell("movements", kind="other_adjustment", amount=900)
    treasury.everybody_works()
    found = treasury.reconciles()

    treasury.types("ledger", "classify", moved["id"], "stripe_service_fees", "--reason", "a correction")

    assert kinds(found) == {"in_suspense": moved["id"]}
    assert treasury.almoner("reconcile").exit_code == 0


def test_a_failed_payout_is_open_until_its_money_has_left_again(treasury: Treasury):
    payout, _, _ = a_payout(treasury)
    treasury.house.stripe.tell(f"payouts/{payout}/fail", code="no_account")
    treasury.everybody_works()
    found = treasury.reconciles()

    treasury.stripe_pays_out()
    treasury.everybody_works()

    assert kinds(found) == {"payout_failed": payout}
    assert "no_account" in found["exceptions"][0]["sentence"]
    assert treasury.reconciles()["exceptions"] == []


def test_a_bank_that_has_not_been_imported_is_one_exception_and_not_one_a_payout(treasury: Treasury):
    treasury.the_bank_says((date(2026, 11, 2), 100, "INTEREST"))
    a_payout(treasury)
    a_payout(treasury, 4000)
    treasury.age(15)

    found = kinds(treasury.reconciles())

    assert found["bank_not_imported"] == "operating"
    assert "payout_overdue" not in found


def test_an_exception_keeps_its_owner_and_its_day_for_as_long_as_it_is_found(treasury: Treasury):
    (line,) = treasury.the_bank_says((date(2026, 11, 2), 100, "INTEREST"))
    (found,) = treasury.reconciles()["exceptions"]
    due = str(date.fromisoformat(found["due_on"]) + DAY)

    said = treasury.types("exceptions", "assign", found["id"], "--to", "finn@example.org", "--due", due)
    (again,) = treasury.reconciles()["exceptions"]
    mine = treasury.almoner("exceptions", "list", "--owner", "finn@example.org", "--json").json
    treasury.types("bank", "ignore", line, "--reason", "interest")
    done = treasury.reconciles()

    assert "Finn's" in said.text
    assert (again["id"], again["owner"], again["due_on"]) == (found["id"], "Finn", due)
    assert [each["id"] for each in mine] == [found["id"]]
    assert (done["gone"], done["exceptions"]) == (1, [])
    with transaction() as session:
        assert session.scalars(select(Discrepancy.status)).all() == ["gone"]


@pytest.mark.usefixtures("abe")
def test_an_accepted_exception_stays_away_until_its_amount_is_another(treasury: Treasury):
    treasury.the_bank_says((date(2026, 11, 2), 100, "INTEREST"))
    (found,) = treasury.reconciles()["exceptions"]
    by_finn = treasury.types("exceptions", "accept", found["id"], "--reason", "small")
    treasury.types("exceptions", "assign", found["id"], "--to", "abe@example.org")
    own = treasury.almoner("exceptions", "accept", found["id"], "--reason", "x", "--as", "abe@example.org")
    treasury.types("exceptions", "assign", found["id"], "--to", "finn@example.org")

    said = treasury.almoner(
        "exceptions", "accept", found["id"], "--reason", "interest of a cent", "--as", "abe@example.org"
    )

    assert (type(by_finn.error), type(own.error)) == (NotAllowed, OwnException)
    assert said.exit_code == 0
    assert treasury.almoner("reconcile").exit_code == 0
    twice = treasury.almoner("exceptions", "accept", found["id"], "--reason", "x", "--as", "abe@example.org")
    assert isinstance(twice.error, ExceptionUnknown)
    with transaction() as session:
        session.execute(text("update discrepancies set amount = 99"))
    assert treasury.almoner("reconcile").exit_code == 1


def test_a_person_reads_what_to_do(treasury: Treasury):
    payout, day, amount = a_payout(treasury)
    treasury.the_bank_says((day, amount, "CREDIT 0001"))

    said = treasury.almoner("reconcile")

    assert said.exit_code == 1
    for part in ("0 bank lines matched", "1 new", "bank line unmatched", "$23.97", "0 d", "yes", payout[:12]):
        assert part in said.text, part
