"""What a person does about a receipt in the console: a copy, the right name, none any more."""

from collections.abc import Callable

from fastapi.testclient import TestClient
from sqlalchemy import select, text

from payments.database import transaction
from payments.mail.models import OutgoingMail
from payments.receipts.models import Receipt
from payments.staff.models import AuditEntry
from tests.pages.console.filling_in import sends
from tests.pages.console.reading import links, table, words
from tests.reconciliation.treasury import Treasury

Desk = Callable[[str], TestClient]


def receipts() -> list[Receipt]:
    with transaction() as session:
        return list(session.scalars(select(Receipt).order_by(Receipt.number)))


def copies() -> list[str]:
    with transaction() as session:
        found = select(OutgoingMail).where(OutgoingMail.reference.startswith("copy:"))
        return [mail.to_address for mail in session.scalars(found.order_by(OutgoingMail.reference))]


def test_a_copy_is_sent_once_and_elsewhere_only_by_whoever_shows_who_they_are(treasury: Treasury, desk: Desk):
    gift, sue = treasury.a_paid_gift(2500, email="ada@example.com"), desk("sue")
    [receipt] = receipts()
    page, path = f"/console/receipts/{receipt.id}", f"/console/receipts/{receipt.id}/copy"
    assert page in links(sue.get(f"/console/gifts/{gift.id}").text)
    assert path in links(sue.get(page).text)
    form = sue.get(path).text
    assert "It goes to ada@example.com, unless you give another address below." in words(form)

    twice = [sends(sue, path, form).headers["location"] for _ in range(2)]
    other = sends(sue, path, form, to="ada@example.net")
    unfit = sends(sue, path, to="nobody")
    with transaction() as session:
        session.execute(text("update staff_sessions set second_factor_at = null"))
    unproven = sends(sue, path, to="ada@example.net")

    assert twice == [page] * 2
    assert copies() == ["ada@example.com"]
    assert "This form was sent before, with other words in it." in words(other.text)
    assert "Give an e-mail address that mail can go to." in words(unfit.text)
    assert "show who you are" in words(unproven.text)
    assert 'name="password"' in unproven.text
    letters = table(sue.get(page).text, "Letters")
    assert [row[1] for row in letters] == ["with the receipt", "with a copy"]
    assert "sent a copy of the receipt" in sue.get(f"/console/gifts/{gift.id}").text


def test_a_right_name_takes_the_place_of_a_wrong_one(treasury: Treasury, desk: Desk):
    treasury.a_paid_gift(2500, name="Ada Prak")
    [wrong] = receipts()
    path = f"/console/receipts/{wrong.id}/replace"

    answer = sends(desk("sue"), path, name="Ada Park", reason="mistyped")

    before, after = receipts()
    assert (before.status, after.status, after.replaces_id) == ("void", "issued", wrong.id)
    assert answer.headers["location"] == f"/console/receipts/{after.id}"
    assert after.number in words(desk("vera").get(f"/console/receipts/{wrong.id}").text)
    late = desk("sue").post(f"{path}?lang=ko", data={"name": "Ada", "reason": "-", "key": "another"})
    assert f"영수증 {wrong.number}은(는) 무효라서" in words(late.text)


def test_void_it_is_made_by_finance_with_a_reason_and_withheld_until_replaced(treasury: Treasury, desk: Desk):
    treasury.a_paid_gift(2500)
    [receipt] = receipts()
    page, path = f"/console/receipts/{receipt.id}", f"/console/receipts/{receipt.id}/void"
    assert path not in links(desk("sue").get(page).text)
    for who, what in (("sue", "void"), ("abe", "copy"), ("vera", "replace")):
        assert desk(who).get(f"{page}/{what}").status_code == 403
    assert sends(desk("sue"), path, "-", reason="-", key="k").status_code == 422

    without = sends(desk("finn"), path, reason="")
    answer = sends(desk("finn"), path, reason="issued twice")

    assert "Say why" in words(without.text)
    assert answer.headers["location"] == page
    assert [(each.status, each.void_reason) for each in receipts()] == [("void", "issued twice")]
    offered = {link for link in links(desk("finn").get(page).text) if link.startswith(f"{page}/")}
    assert offered == {f"{page}/replace"}
    with transaction() as session:
        noted = session.scalars(select(AuditEntry).where(AuditEntry.deed == "receipt.void")).one()
    assert (noted.subject, noted.reason) == (receipt.id, "issued twice")
