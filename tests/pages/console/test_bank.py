"""The bank in the console: a statement taken in, a line said to be something, and that undone."""

from collections.abc import Callable
from datetime import timedelta

from fastapi.testclient import TestClient
from sqlalchemy import select

from payments.database import transaction
from payments.donations import recording
from payments.donations.offline import Channel
from payments.reconciliation.models import BankMatch
from payments.staff.models import StaffMember
from tests.offline.papers import RECEIVED, a_cheque, taken_in
from tests.pages.console.filling_in import sends
from tests.pages.console.reading import links, table, words
from tests.pages.form import hidden_fields
from tests.reconciliation.bank_files import mt940
from tests.reconciliation.treasury import Treasury

Desk = Callable[[str], TestClient]

IMPORT = "/console/bank/import"


def matches() -> list[tuple[str, str | None, bool]]:
    with transaction() as session:
        rows = session.scalars(select(BankMatch).order_by(BankMatch.matched_at))
        return [(row.kind, row.subject_id, row.undone_at is None) for row in rows]


def test_a_statement_is_taken_in_and_its_line_named_wrongly_rightly_and_once(treasury: Treasury, desk: Desk):
    treasury.a_paid_gift(2500)
    payout = treasury.stripe_pays_out(paid=True)
    treasury.everybody_works()
    day, finn, vera = treasury.arrives_on(payout), desk("finn"), desk("vera")
    lines = [(-1, f"RENT {number} {'X' * 40}") for number in range(1200)]
    statement = mt940([(day, [(2397, "DEPOSIT"), *lines])], opening=5000, currency="USD")
    assert len(statement) > 64 * 1024
    assert IMPORT in links(finn.get("/console/bank").text)
    assert IMPORT not in links(vera.get("/console/bank").text)
    assert vera.post(IMPORT, files={"file": ("bank.txt", statement)}).status_code == 403

    form = hidden_fields(finn.get(IMPORT).text) | {"account": "operating"}
    without = finn.post(IMPORT, data=form)
    nonsense = finn.post(IMPORT, data=form, files={"file": ("bank.txt", b"what is this?")})
    twice = [finn.post(IMPORT, data=form, files={"file": ("bank.txt", statement)}) for _ in range(2)]
    later = mt940([(day + timedelta(days=9), [(1, "X")])], opening=9, currency="USD")
    other = finn.post(IMPORT, data=form, files={"file": ("later.txt", later)})
    gap = finn.post(IMPORT, data=form | {"key": "next"}, files={"file": ("later.txt", later)})

    assert "Choose the file that the bank gave you." in words(without.text)
    assert (nonsense.status_code, 'id="complaint" lang="en"' in nonsense.text) == (422, True)
    assert [answer.status_code for answer in twice] == [303, 303], twice[0].text
    assert "This form was sent before, with other words in it." in words(other.text)
    assert "--accept-gap" in gap.text
    assert len(treasury.bank.statements) == 1
    assert len(treasury.bank.lines) == 1201

    line = next(each for each in treasury.bank.lines if each.amount == 2397)
    page = f"/console/bank/lines/{line.id}"
    assert f"{page}/match" in links(finn.get(page).text)
    assert f"{page}/match" not in links(vera.get(page).text)
    assert payout in finn.get(f"{page}/match").text

    nothing = sends(finn, f"{page}/match", subject=" ", reason="-")
    wrong = sends(finn, f"{page}/match", subject="dep_0", reason="-")
    sends(finn, f"{page}/match", **{"is": "none"}, reason="rent")
    taken = sends(finn, f"{page}/match", subject=payout, reason="-")

    assert "Write the id of what the line is" in words(nothing.text)
    assert wrong.status_code == taken.status_code == 422
    assert matches() == [("ignored", None, True)]

    undoing = finn.get(f"{page}/unmatch").text
    assert "It is no longer said to be: none of ours" in words(undoing)
    undone = [sends(finn, f"{page}/unmatch", undoing, reason="was the payout") for _ in range(2)]
    sends(finn, f"{page}/match", subject=payout, reason="its amount and day")

    assert [answer.headers["location"] for answer in undone] == [page, page]
    assert matches() == [("ignored", None, False), ("payout", payout, True)]
    said = table(vera.get(page).text, "What it is")
    assert {row[4] for row in said} == {"Finn"}
    assert treasury.house.balances()["bank"] == 2397


def test_what_a_line_may_be_is_chosen_from_what_fits(treasury: Treasury, desk: Desk, finn: StaffMember):
    cheque = taken_in(finn, a_cheque()).donation.id
    with transaction() as session:
        slip = recording.deposit(session, [cheque], deposited_on=RECEIVED, by=finn).id
    transfers = [
        taken_in(finn, a_cheque(channel=Channel.BANK_TRANSFER, postmarked_on=None)).donation.id
        for _ in range(2)
    ]
    line, of_stripe = treasury.the_bank_says((RECEIVED, 10_000, "BRANCH 4"), (RECEIVED, 10_000, "STRIPE X"))
    page, reader = f"/console/bank/lines/{line}/match", desk("finn")
    elsewhere = reader.get(f"/console/bank/lines/{of_stripe}/match?lang=ko").text
    form = reader.get(page).text

    nothing = sends(reader, page, form, **{"is": "ours"}, reason="-")
    taken = sends(reader, page, form, **{"is": slip}, reason="slip of the 20th")

    assert 'value="dep_' not in elsewhere
    assert 'value="don_' not in elsewhere
    for fits in (slip, *transfers):
        assert f'value="{fits}"' in form
    assert "예치: 같은 금액, 2026-11-20자" in words(form)
    assert nothing.status_code == 422
    assert taken.status_code == 303
    assert matches() == [("deposit", slip, True)]
    assert f"/console/deposits/{slip}" in links(reader.get(f"/console/bank/lines/{line}").text)
    assert treasury.house.balances()["bank"] == 30_000


def test_a_statement_is_looked_at_and_not_kept_and_only_that_one_taken_in(treasury: Treasury, desk: Desk):
    lines = [(2397, "DEPOSIT"), *((-100, f"RENT {number}") for number in range(24))]
    statement = mt940([(RECEIVED, lines)], opening=5000, currency="USD")
    finn, file = desk("finn"), {"file": ("bank.txt", statement)}
    form = hidden_fields(finn.get(IMPORT).text) | {"account": "operating"}

    look = finn.post(IMPORT, data=form | {"look": "1"}, files=file)
    nonsense = finn.post(IMPORT, data=form | {"look": "1"}, files={"file": ("bank.txt", b"what is this?")})
    looked = hidden_fields(look.text) | {"account": "operating"}
    other = {"file": ("bank.txt", statement.replace(b"RENT", b"WAGE"))}
    swapped = finn.post(IMPORT, data=looked, files=other)

    said = words(look.text)
    assert "Lines that would be new 25 Came in with them $23.97 Went out with them $24.00" in said
    assert "$50.00 → $49.97" in said
    assert table(look.text, "New lines")[0][1:] == ["DEPOSIT", "$23.97"]
    assert len(table(look.text, "New lines")) == 20
    assert nonsense.status_code == swapped.status_code == 422
    assert "This is not the file that you looked at." in words(swapped.text)
    assert treasury.bank.statements == []

    taken = finn.post(IMPORT, data=looked, files=file)
    known = finn.post(IMPORT, data=looked | {"look": "1"}, files=file)

    assert taken.status_code == 303
    assert len(treasury.bank.lines) == 25
    assert "None: this very file was imported before." in words(known.text)
