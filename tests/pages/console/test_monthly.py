"""A monthly gift steered from the console: with a reason, once, by support and finance."""

from collections.abc import Callable
from datetime import timedelta

from fastapi.testclient import TestClient

from payments.clock import now
from payments.database import transaction
from payments.monthly.models import MonthlyGift
from tests.pages.console.filling_in import sends
from tests.pages.console.reading import links, table, words
from tests.pages.steering import a_gift, changes_of, mails

Desk = Callable[[str], TestClient]


def test_it_is_stopped_once_with_a_reason_and_its_donor_is_told(desk: Desk):
    gift, sue = a_gift(), desk("sue")
    page, path = f"/console/monthly/{gift}", f"/console/monthly/{gift}/stop"
    assert path in links(sue.get(page).text)
    assert path not in links(desk("vera").get(page).text)
    assert {desk(who).post(path, data={"reason": "-"}).status_code for who in ("vera", "abe")} == {403}
    form = sue.get(path).text
    assert "It ends at this moment, for good." in words(form)

    without = sends(sue, path, form, reason=" ")
    twice = [sends(sue, path, form, reason="wrote on Monday").headers["location"] for _ in range(2)]

    assert "Say why" in words(without.text)
    assert twice == [f"{page}#changes"] * 2
    with transaction() as session:
        assert session.get_one(MonthlyGift, gift).status == "ended"
    [asked] = table(sue.get(page).text, "What was asked of it")
    assert asked[1:3] == ["end it", "Sue"]
    assert asked[4] == "wrote on Monday"
    assert [reference for reference, _ in mails()] == ["monthly_ended"]
    assert path not in links(sue.get(page).text)


def test_it_rests_and_goes_on_and_what_cannot_be_is_refused_in_the_readers_language(desk: Desk):
    gift, finn = a_gift(next_charge_at=now() + timedelta(days=10)), desk("finn")
    path = f"/console/monthly/{gift}"

    korean = finn.post(f"{path}/resume?lang=ko", data={"reason": "-", "key": "first"})
    finn.get(f"{path}?lang=en")
    never = sends(finn, f"{path}/pause", months="13", reason="-")
    sends(finn, f"{path}/pause", months="3", reason="out of work")
    sends(finn, f"{path}/resume", reason="works again")

    assert "일시 중지된 상태가 아닙니다" in words(korean.text)
    assert "A pause lasts from 1 to 12 months." in words(never.text)
    assert [(change.kind, change.reason) for change in changes_of(gift)] == [
        ("pause", "out of work"),
        ("resume", "works again"),
    ]
