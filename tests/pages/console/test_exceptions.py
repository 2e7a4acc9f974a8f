"""What does not fit, dealt with in the console: said what it is, given to somebody, accepted."""

from collections.abc import Callable

from fastapi.testclient import TestClient
from sqlalchemy import select

from payments.database import transaction
from payments.reconciliation.models import Discrepancy
from payments.staff import people
from payments.staff.models import AuditEntry
from tests.pages.console.filling_in import sends
from tests.pages.console.reading import links, table, words
from tests.reconciliation.treasury import Treasury

Desk = Callable[[str], TestClient]


def a_stray(treasury: Treasury) -> str:
    """Five dollars that left Stripe's balance under a name that no rule knows."""
    moved = treasury.house.stripe.tell(
        "movements",
        type="adjustment",
        reporting_category="other_adjustment",
        amount=-500,
        currency="usd",
        description="Adjustment",
    )
    treasury.everybody_works()
    return str(moved["id"])


def deeds(subject: str) -> list[str]:
    with transaction() as session:
        found = select(AuditEntry.deed).where(AuditEntry.subject == subject).order_by(AuditEntry.id)
        return list(session.scalars(found))


def test_what_no_rule_knows_is_said_once_and_corrected_in_the_open(treasury: Treasury, desk: Desk):
    txn, finn = a_stray(treasury), desk("finn")
    path = f"/console/suspense/{txn}"
    assert path in links(finn.get("/console/suspense").text)
    assert path not in links(desk("vera").get("/console/suspense").text)
    assert [desk(who).get(path).status_code for who in ("vera", "sue", "abe")] == [403] * 3
    form = finn.get(path).text
    assert "$5.00 move out of suspense by an entry of today" in words(form)

    nowhere = sends(finn, path, form, reason="-")
    unfunded = sends(finn, path, form, account="contributions", reason="-")
    twice = [
        sends(finn, path, form, account="stripe_service_fees", reason="letter", key="one").status_code
        for _ in range(2)
    ]
    late = sends(finn, path, form, account="dispute_fees", reason="-", key="another")

    assert "Choose where it belongs." in words(nowhere.text)
    assert "this account is kept by fund" in words(unfunded.text)
    assert twice == [303, 303]
    assert "Somebody has said already what this is" in words(late.text)
    balances = treasury.house.balances()
    assert (balances.get("suspense_unclassified", 0), balances["stripe_service_fees"]) == (0, 500)

    anew = finn.get(path).text
    assert "Correct what was said" in anew
    for _ in range(2):
        sends(finn, path, anew, account="dispute_fees", reason="looked again", key="three")
    overtaken = sends(finn, path, anew, account="processing_fees", reason="-", key="four")

    assert "Somebody has said something else of it meanwhile" in words(overtaken.text)
    balances = treasury.house.balances()
    assert (balances.get("stripe_service_fees", 0), balances["dispute_fees"]) == (0, 500)
    assert deeds(txn) == ["ledger.classify", "ledger.reclassify"]
    entry = next(row[0] for row in table(finn.get("/console/book/dispute_fees").text, "Entries"))
    assert path in links(finn.get(f"/console/book/entries/{entry}").text)


def test_an_exception_is_given_to_somebody_and_accepted_by_an_approver_who_does_not_own_it(
    treasury: Treasury, desk: Desk
):
    a_stray(treasury)
    treasury.reconciles()
    finn, abe, vera = desk("finn"), desk("abe"), desk("vera")
    with transaction() as session:
        found = session.scalars(select(Discrepancy).where(Discrepancy.kind == "in_suspense")).one()
        owner = people.find(session, "abe@example.org")
    path = f"/console/exceptions/{found.id}"
    assert path in links(vera.get("/console/exceptions").text)
    assert f"/console/suspense/{found.subject_id}" in links(finn.get(path).text)
    assert vera.post(path, data={"answer": "give", "owner": owner.id}).status_code == 403

    page = finn.get(path).text
    wrong = sends(finn, path, page, answer="give", owner=owner.id, due_on="soon")
    given = sends(finn, path, page, answer="give", owner=owner.id, due_on="2027-01-15")
    own = sends(abe, path, abe.get("/console/account").text, answer="accept", reason="-", key="first")
    finns = sends(finn, path, answer="accept", reason="-")

    assert "Write the day as 2026-12-31." in words(wrong.text)
    assert given.headers["location"] == path
    assert "Whoever owns an exception does not accept it." in words(own.text)
    assert "This needs the role approver." in words(finns.text)
    assert "Abe" in words(vera.get(path).text)

    with transaction() as session:
        finn_id = people.find(session, "finn@example.org").id
    sends(finn, path, answer="give", owner=finn_id)
    page = abe.get(path).text
    accepted = [sends(abe, path, page, answer="accept", reason="too small") for _ in range(2)]

    assert [answer.status_code for answer in accepted] == [303, 303]
    assert "accepted" in words(vera.get(path).text)
    assert deeds(found.id) == ["exception.give_to", "exception.give_to", "exception.accept"]
    late = sends(abe, path, page, answer="accept", reason="-", key="another")
    assert f"There is no open exception {found.id}." in words(late.text)
