"""Refunds in the console: seen before they are done, done once, by those who may, by the room's rules."""

from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select, text

from payments.database import transaction
from payments.donations.models import DonationStatus
from payments.donations.reversals import Refund
from payments.receipts.models import Receipt
from payments.staff import people
from payments.staff.models import AuditEntry, Role
from tests.factories import NOON, a_donation
from tests.pages.console.filling_in import sends
from tests.pages.console.reading import links, table, words
from tests.pages.staff_browser import PASSWORD, welcomed
from tests.reconciliation.treasury import Treasury
from workers.refunds import submit_refunds

Desk = Callable[[str], TestClient]

ABOVE_THE_LIMIT = 60_000


def refunds() -> list[Refund]:
    with transaction() as session:
        return list(session.scalars(select(Refund).order_by(Refund.created_at)))


def asks(of: TestClient, gift_id: str, **typed: str) -> str:
    """As far as the page that says what would happen."""
    typed = {"reason": "requested_by_customer", "note": "asked by the donor"} | typed
    answer = sends(of, f"/console/gifts/{gift_id}/refund", **typed)
    assert answer.status_code == 200, words(answer.text)
    return str(answer.text)


def test_a_part_is_given_back_once_after_its_page_has_said_what_will_happen(treasury: Treasury, desk: Desk):
    gift, finn = treasury.a_paid_gift(2500, name="Ada Park"), desk("finn")
    path = f"/console/gifts/{gift.id}/refund"
    with transaction() as session:
        number = session.scalars(select(Receipt.number)).one()
    assert path in links(finn.get(f"/console/gifts/{gift.id}").text)

    sure = asks(finn, gift.id, amount="10.00")

    told = words(sure)
    assert "Give $10.00 back?" in told
    assert "It goes to Ada Park. Stripe sends it to what it was paid with: visa ending in 4242." in told
    assert "$15.00 of $25.00 then stand as the gift." in told
    assert f"receipt {number} is void, and another for what is left takes its place" in told
    assert "Stripe does not give its fee back: $1.03." in told
    # Looking has left nothing behind.
    assert not refunds()
    with transaction() as session:
        assert not session.scalar(select(func.count()).where(AuditEntry.deed == "refund.request"))

    first, second = sends(finn, path, sure), sends(finn, path, sure)

    assert [answer.headers["location"] for answer in (first, second)] == [
        f"/console/gifts/{gift.id}#refunds"
    ] * 2
    [refund] = refunds()
    assert (refund.amount, refund.status, refund.note) == (1000, "approved", "asked by the donor")
    submit_refunds()
    treasury.everybody_works()
    assert [row["amount"] for row in treasury.house.stripe.list("refunds")] == [1000]
    page = finn.get(f"/console/gifts/{gift.id}").text
    assert [row[1:] for row in table(page, "What people did")] == [
        ["Finn", "asked for a refund", f"{refund.id[:13]}…", "asked by the donor"]
    ]
    assert "given back" in words(page)


def test_above_the_limit_it_waits_for_an_approver_who_did_not_ask(treasury: Treasury, desk: Desk):
    gift, finn, abe = treasury.a_paid_gift(ABOVE_THE_LIMIT), desk("finn"), desk("abe")

    sure = asks(finn, gift.id)
    assert "It waits for a second person." in words(sure)
    sends(finn, f"/console/gifts/{gift.id}/refund", sure)

    [refund] = refunds()
    path = f"/console/refunds/{refund.id}"
    assert refund.status == "requested"
    assert path in links(abe.get("/console/refunds").text)
    asker = finn.get(path).text
    assert "Take it back" in words(asker)
    assert 'value="approve"' not in asker
    assert sends(finn, path, asker, answer="approve").status_code == 422
    page = abe.get(path).text
    unsaid = sends(abe, path, page, answer="decline", reason=" ")
    assert "Say why: the reason stands in the audit log." in words(unsaid.text)
    assert refunds()[0].status == "requested"

    yes = [sends(abe, path, page, answer="approve") for _ in range(2)]

    assert [answer.headers["location"] for answer in yes] == [path] * 2
    assert refunds()[0].status == "approved"
    submit_refunds()
    late = sends(abe, path, abe.get("/console/account").text, answer="decline", reason="no", key="another")
    assert "It is decided, or Stripe has it already" in words(late.text)
    said = {row[2]: row[1] for row in table(abe.get(f"/console/gifts/{gift.id}").text, "What people did")}
    assert said == {"asked for a refund": "Finn", "agreed to the refund": "Abe"}


def test_what_the_room_refuses_is_told_in_its_words_in_the_readers_language(treasury: Treasury, desk: Desk):
    gift, finn = treasury.a_paid_gift(2500), desk("finn")
    path = f"/console/gifts/{gift.id}/refund"
    sure = asks(finn, gift.id, amount="20")
    # Somebody else was quicker.
    sends(desk("sue"), path, asks(desk("sue"), gift.id, amount="6"))

    late = sends(finn, path, sure)
    korean = finn.post(f"{path}?lang=ko", data={"amount": "20", "note": "-"})
    wordless = finn.post(f"{path}?lang=en", data={"amount": "x", "note": "-"})
    fraud = finn.post(path, data={"reason": "fraudulent", "note": "-"})

    assert late.status_code == korean.status_code == wordless.status_code == fraud.status_code == 422
    assert "At most $19.00 of this gift can still be refunded." in words(late.text)
    assert "이 후원금에서 더 환불할 수 있는 금액은 최대 US$19.00입니다." in words(korean.text)
    assert "Please write the amount in figures, for example $25.00." in words(wordless.text)
    assert "on Stripe's block lists: say so expressly" in words(fraud.text)
    assert len(refunds()) == 1


def test_it_is_offered_to_those_only_who_may_and_asked_of_nobody_else(desk: Desk):
    with transaction() as session:
        cheque = a_donation(
            session,
            amount=2500,
            channel="cheque",
            status=DonationStatus.PAID,
            paid_at=NOON,
            gift_date=NOON.date(),
        ).id
    path = f"/console/gifts/{cheque}/refund"

    assert path not in links(desk("finn").get(f"/console/gifts/{cheque}").text)
    assert "Only a gift that was paid online" in words(desk("finn").post(path, data={"note": "-"}).text)
    for who in ("vera", "abe"):
        assert desk(who).get(path).status_code == 403
        assert desk(who).post(path, data={"note": "-", "sure": "1", "key": "k"}).status_code == 403
    assert desk("finn").post(path, data={"note": "-", "sure": "1"}).status_code == 400
    elsewhere = {"sec-fetch-site": "cross-site"}
    assert desk("finn").post(path, data={"note": "-"}, headers=elsewhere).status_code == 403


@pytest.mark.parametrize("is_right", [True, False])
def test_after_a_quarter_of_an_hour_money_moves_only_with_a_password_and_a_code(
    treasury: Treasury, is_right: bool
):
    gift = treasury.a_paid_gift(2500)
    with transaction() as session:
        adam = people.find(session, "adam@example.org")
        sam = people.add(session, email="sam@example.org", name="Sam", roles=[Role.FINANCE], by=adam)
    them = welcomed(sam, adam)
    path = f"/console/gifts/{gift.id}/refund"
    assert 'name="password"' not in asks(them.client, gift.id)
    with transaction() as session:
        session.execute(text("update staff_sessions set second_factor_at = now() - interval '16 minutes'"))

    sure = asks(them.client, gift.id)
    without = sends(them.client, path, sure)
    shown = {"password": PASSWORD if is_right else "x", "code": them.code()}
    answer = sends(them.client, path, sure, **shown)

    assert 'name="password"' in sure
    assert without.status_code == 422
    assert "Nothing was done yet: show who you are" in words(without.text)
    assert answer.status_code == (303 if is_right else 422)
    assert ("The password or the code is not right." in words(answer.text)) is not is_right
    assert len(refunds()) == is_right
    # And for the next quarter of an hour it is not asked again.
    for each in refunds():
        assert 'name="password"' not in them.client.get(f"/console/refunds/{each.id}").text
