# ruff: noqa: S608 - nothing here comes from outside
"""What an auditor is handed: the whole way of each gift of a sample, and nobody's name."""

import csv
import io
import json
import re
import zipfile
from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text

from payments.audit import pack
from payments.audit.masking import without_names
from payments.audit.period import MONEY_DEEDS
from payments.audit.sampling import Plan
from payments.audit.stretch import stretch_named
from payments.clock import now
from payments.database import one_picture, transaction
from payments.donations.models import Organisation
from payments.money import Money
from payments.privacy import erasing
from payments.receipts.models import ReceiptDocument
from payments.reconciliation import close
from payments.reconciliation.checklist import Laws
from payments.staff import people
from payments.staff.models import AuditEntry, StaffMember
from payments.webhooks.models import StripeEvent
from tests.audit.conftest import SURNAME, Almoner, Audited
from tests.conftest import PROJECT

AT_MOST = 99
LAST = (now().date().replace(day=1) + timedelta(days=40)).strftime("%Y-%m")
"""What people did, they did today; and it may be midnight."""


def drawn(
    by: StaffMember, *, count: int = AT_MOST, seed: str = "7", names: str | None = None, **how: Any
) -> bytes:
    into = io.BytesIO()
    with transaction() as session:
        one_picture(session)
        plan = Plan(stretch=stretch_named(session, "2026-10", LAST), seed=seed, count=count, **how)
        pack.draw(session, plan, into, by=by, names_because=names)
    return into.getvalue()


def told(zipped: bytes) -> dict[str, str]:
    """Every file in it, by name."""
    with zipfile.ZipFile(io.BytesIO(zipped)) as files:
        return {name: files.read(name).decode() for name in files.namelist()}


def rows(zipped: bytes, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(told(zipped)[name])))


def gaps(zipped: bytes, october: Audited) -> dict[str, set[str]]:
    """What is missing, by the name of the gift."""
    found: dict[str, set[str]] = {name: set() for name in october.gifts}
    names = {gift: name for name, gift in october.gifts.items()}
    for row in rows(zipped, "gaps.csv"):
        found[names[row["gift"]]].add(f"{row['step']}: {row['what']}")
    return found


def test_the_same_seed_is_the_same_zip_and_another_is_another_sample(
    october: Audited, vera: StaffMember, finn: StaffMember
) -> None:
    first = drawn(vera, count=3)

    assert drawn(finn, count=3) == first
    assert {row["gift"] for row in rows(drawn(vera, count=3, seed="8"), "sample.csv")} != {
        row["gift"] for row in rows(first, "sample.csv")
    }
    manifest = json.loads(told(first)["manifest.json"])
    hashes = {name: sha256(body.encode()).hexdigest() for name, body in told(first).items()}
    assert manifest["files"].keys() == hashes.keys() - {"manifest.json"}
    assert all(each["sha256"] == hashes[name] for name, each in manifest["files"].items())
    assert manifest["drawn_by"] == {"seed": "7", "method": "number", "count": 3, "all_from": {}}
    assert (manifest["sampled"], manifest["controls_differ"]) == (3, 0)


def test_a_gift_is_followed_from_the_wish_to_the_banks_line(october: Audited, vera: StaffMember) -> None:
    whole = drawn(vera)
    ada = october.gifts["ada"]

    def of_ada(name: str) -> list[dict[str, str]]:
        return [row for row in rows(whole, name) if row["gift"] == ada]

    [gift], [movement], [receipt], [payout] = map(
        of_ada, ("sample.csv", "movements.csv", "receipts.csv", "payouts.csv")
    )
    charge = october.charges["ada"]
    assert (gift["amount"], gift["charges"], gift["gaps"]) == ("25.00", charge["id"], "0")
    assert (movement["gross"], movement["fee"], movement["entry"]) == ("25.00", "1.03", "gift")
    assert movement["balance_transaction"] == charge["balance_transaction"]
    assert {row["debit_account"] for row in of_ada("journal.csv")} == {"stripe_balance", "processing_fees"}
    assert payout["payout"] == october.payouts["arrived"]["id"]
    assert (payout["proof"], payout["matched_by"], payout["booked_on"]) == (
        "proven",
        "by itself",
        "2026-10-13",
    )
    with transaction() as session:
        page = session.scalars(
            select(ReceiptDocument.pdf).where(
                ReceiptDocument.receipt_id
                == text("(select id from receipts where number = :number)").bindparams(
                    number=receipt["number"]
                )
            )
        ).one()
        kept = {row.stripe_event_id: row.body for row in session.scalars(select(StripeEvent))}
    assert receipt["pdf_sha256"] == receipt["pdf_found_sha256"] == sha256(page).hexdigest()
    events = of_ada("events.csv")
    assert {row["type"] for row in events} >= {"charge.succeeded", "balance_transaction", "payout_list"}
    assert all(row["sha256"] == sha256(kept[row["event"]]).hexdigest() for row in events)


def test_what_is_missing_is_told_in_plain_words_and_nothing_else(october: Audited, vera: StaffMember) -> None:
    found = gaps(drawn(vera), october)

    over, failed = (october.payouts[name]["id"] for name in ("over the end", "failed"))
    assert found["ada"] == set()
    assert found["ben"] == {f"money back: Refund {october.refund} is not done: it is approved."}
    assert (
        found["cho"]
        == found["fay"]
        == {
            "payout: No payout is known to carry it: it is still at Stripe, or left in a manual one, and of"
            " these Stripe does not say what is in them."
        }
    )
    assert found["dan"] == set()  # the payout that failed was followed to the one that carries it now
    assert found["eve"] == {"receipt: Its receipt is void, and no other stands in its place."}
    assert found["gil"] == {"bank: It is on no deposit slip yet."}
    ways = {row["gift"]: row["payout"] for row in rows(drawn(vera), "payouts.csv")}
    assert ways[october.gifts["dan"]] == over != failed


def test_what_a_failed_refund_owes_is_told_until_it_is_paid(october: Audited, vera: StaffMember) -> None:
    october.stripe.it_is(11, 12)
    refund = october.stripe.refund(october.charges["dan"], 500)
    october.stripe.refund_fails(refund)
    october.hears()

    found = gaps(drawn(vera), october)["dan"]

    assert "money back: USD 5.00 is owed to the donor: a refund came back." in found


def test_planted_gaps_are_told_each_at_its_gift(
    october: Audited, vera: StaffMember, behind_the_back: Callable[..., None]
) -> None:
    gift, charge = october.gifts, october.charges
    moved = {name: charge[name]["balance_transaction"] for name in charge}
    arrived = october.payouts["arrived"]["id"]
    behind_the_back(
        f"delete from stripe_events where object_id = '{charge['ada']['id']}'",
        f"update receipt_documents set pdf = 'another' where receipt_id ="
        f" (select id from receipts where donation_id = '{gift['ada']}')",
        f"update journal_moves set amount = amount - 1 where reference = 'bt:{moved['ben']}'"
        " and from_account = 'contributions'",
        f"delete from bank_matches where subject_id = '{arrived}'",
        f"delete from journal_entries where reference = 'bt:{moved['dan']}'",
        f"delete from charges where stripe_charge_id = '{charge['fay']['id']}'",
        f"update balance_transactions set stripe_balance_transaction_id = 'txn_other'"
        f" where stripe_balance_transaction_id = '{moved['cho']}'",
        f"delete from receipts where donation_id = '{gift['gil']}'",
    )

    whole = drawn(vera)
    found = {name: {gap.split(": ")[0] for gap in told_} for name, told_ in gaps(whole, october).items()}

    assert found["ada"] == {"events", "receipt", "bank"}
    assert found["ben"] == {"book", "bank", "money back"}
    assert found["dan"] == {"book"}
    assert "charge" in found["fay"]
    assert "stripe" in found["cho"]
    assert "receipt" in found["gil"]
    differ = {
        (row["currency"], row["what"])
        for row in rows(whole, "controls.csv")
        if row["difference"] not in ("0", "0.00")
    }
    assert differ == {
        ("usd", "Gifts of these months"),
        ("usd", "Stripe's movements of these gifts, and papers"),
    }


def test_no_donor_is_named_in_any_file(october: Audited, vera: StaffMember) -> None:
    files = told(drawn(vera, all_from=(Money(5000, "usd"),)))

    names = "|".join([SURNAME, *(name.title() for name in october.gifts)])
    for name, body in files.items():
        assert not re.search(rf"\b(?:{names})\b|quillfeather|@\w", body, re.IGNORECASE), name
    assert "donors.csv" not in files
    [note] = [row["note"] for row in csv.DictReader(io.StringIO(files["money_back.csv"]))]
    assert note == "[donor] [donor] rang from [e-mail]".replace("[donor] [donor]", "[donor]")
    assert "rent, as [donor] knows" in files["deeds.csv"]
    assert "Mrs [donor] wants none, [donor] said" in files["deeds.csv"]


def test_names_are_for_whoever_sees_donors_and_are_noted(
    october: Audited, vera: StaffMember, finn: StaffMember
) -> None:
    with pytest.raises(people.NotAllowed):
        drawn(vera, names="asked for by the auditor")
    with pytest.raises(people.ReasonMissing):
        drawn(finn, names=" ")

    whole = drawn(finn, names="letters of confirmation")

    assert {row["name"] for row in rows(whole, "donors.csv")} == {
        f"{name.title()} {SURNAME}" for name in october.gifts
    }
    assert {row["email"] for row in rows(whole, "donors.csv")} >= {"ada@quillfeather.example"}
    with transaction() as session:
        [noted] = session.scalars(select(AuditEntry).where(AuditEntry.deed == "audit.pack"))
    assert (noted.reason, noted.facts["names"], noted.facts["seed"]) == ("letters of confirmation", True, "7")


def test_what_people_did_is_told_with_their_roles_and_erasures_are_counted(
    october: Audited, vera: StaffMember, finn: StaffMember, olga: StaffMember
) -> None:
    with transaction() as session:
        close.close_month(session, october.month, laws=Laws(proved=1), by=olga)
        donor = session.scalar(text("select donor_id from donations where donor_name like 'Fay%'"))
        erasing.erase(session, str(donor), by=finn, reason="asked to be forgotten")

    whole = drawn(vera)

    done = {(row["name"], row["deed"]) for row in rows(whole, "deeds.csv")}
    assert done >= {
        ("Finn", "refund.request"),
        ("Finn", "receipt.void"),
        ("Finn", "bank.import"),
        ("Finn", "offline.record"),
        ("Olga", "month.close"),
    }
    assert not any(deed.startswith(("staff.", "donors.", "audit.")) for _, deed in done)
    assert [row["donors_erased"] for row in rows(whole, "erasures.csv")] == ["1"]
    assert {(row["name"], row["roles_after"], row["by"]) for row in rows(whole, "staff.csv")} == {
        ("Adam", "admin", "Adam"),
        ("Vera", "viewer", "Adam"),
        ("Finn", "finance", "Adam"),
        ("Olga", "approver", "Adam"),
    }
    assert "redacted" in "".join(gaps(whole, october)["fay"])
    with transaction() as session:
        kept = close.with_pack(session, october.month, None).pack_sha256
    months = rows(whole, "months.csv")
    assert (months[0]["closed_by"], months[0]["pack_sha256"], months[0]["book_says_the_same"]) == (
        *("Olga", kept, "yes"),
    )
    assert {row["status"] for row in months[1:]} == {"open"}


def test_a_closed_month_whose_book_was_changed_is_told(
    october: Audited, vera: StaffMember, olga: StaffMember, behind_the_back: Callable[..., None]
) -> None:
    with transaction() as session:
        close.close_month(session, october.month, laws=Laws(proved=1), by=olga)
    behind_the_back(
        f"update journal_moves set amount = amount + 1 where reference ="
        f" 'bt:{october.charges['ada']['balance_transaction']}'"
    )

    assert rows(drawn(vera), "months.csv")[0]["book_says_the_same"] == "no"


OTHER_DEEDS = {
    *(
        "audit.pack",
        "audit.sample",
        "donors.address",
        "donors.compare",
        "donors.doubles",
        "donors.email",
        "donors.erase",
        "donors.find",
    ),
    *(
        "donors.large",
        "donors.merge",
        "donors.show",
        "donors.unmerge",
        "export.download",
        "giftaid.cancel",
        "giftaid.declare",
    ),
    *("giftaid.download", "giftaid.record_sent", "gifts.csv", "gifts.read", "korea.register", "mail.let_go"),
    *("mail.resend", "monthly.read", "newsletter.export", "newsletter.forget", "newsletter.show"),
    *("newsletter.stop", "receipt.resend", "receipts.read", "rrn.forget", "rrn.keep", "rrn.show"),
}


def test_of_every_deed_it_is_decided_whether_it_touches_money() -> None:
    word = re.compile(r'"((?:[a-z_]+)\.[a-z_]+)"')
    noting = [
        code for path in (PROJECT / "payments").rglob("*.py") if "audit.note(" in (code := path.read_text())
    ]

    known = {found for code in noting for found in word.findall(code)}

    beginnings = {deed.split(".")[0] for deed in MONEY_DEEDS | OTHER_DEEDS}
    deeds = {
        each
        for each in known
        if each.split(".")[0] in beginnings and not each.endswith((".csv", ".html", ".id"))
    }
    assert deeds - MONEY_DEEDS - OTHER_DEEDS == set()
    assert deeds >= MONEY_DEEDS | OTHER_DEEDS - {"donors.large", "gifts.csv"}


@pytest.mark.parametrize(
    ("typed", "names", "left"),
    [
        ("Ada Park rang", ["Ada Park"], "[donor] rang"),
        ("asked by PARK, ada's card", ["Ada Park"], "asked by [donor], [donor]'s card"),
        ("김민지님이 요청", ["김민지"], "[donor]님이 요청"),
        ("write to a.b+c@example.com.au!", [], "write to [e-mail]"),
        ("parking in Canada", ["Ada Park"], "parking in Canada"),
        ("a (b", ["(b", "B. C"], "a [donor]"),
    ],
)
def test_names_are_taken_out_of_what_people_typed(typed: str, names: list[str], left: str) -> None:
    assert without_names(typed, names) == left


def test_the_auditor_draws_at_the_terminal(october: Audited, almoner: Almoner, tmp_path: Path) -> None:
    out = tmp_path / "audit.zip"
    how = ["--from", "2026-10", "--to", "2026-10", "--seed", "7", "--sample", "2", "--as", "vera@example.org"]

    seen = almoner("audit", "sample", *how, "--all-from", "usd=90", "--json").json
    said = almoner("audit", "pack", *how, "--all-from", "usd=90", "--out", str(out))
    again = almoner("audit", "pack", *how, "--all-from", "usd=90", "--out", str(out), "--json").json
    refused = almoner("audit", "pack", *how, "--names", "--reason", "r", "--out", str(tmp_path / "no.zip"))

    assert sum(each["why"] == "large" for each in seen["sample"]) == 3
    assert [each["id"] for each in seen["sample"]] == [
        r["gift"] for r in rows(out.read_bytes(), "sample.csv")
    ]
    assert again["sha256"] == sha256(out.read_bytes()).hexdigest()
    assert again["controls_differ"] == 0
    assert again["sha256"] in said.text.replace("\n", "")
    assert isinstance(refused.error, people.NotAllowed)
    assert [path.name for path in tmp_path.iterdir()] == ["audit.zip"]
    assert almoner("audit", "sample", *how, "--all-from", "usd 90").error is not None
    tried = almoner("audit", "drawings", "--json").json
    assert [(each["what"], each["by"], each["seed"], each["gifts"]) for each in tried] == [
        (what, "Vera", "7", 5) for what in ("sample", "pack", "pack")
    ]
    assert "named because" in almoner("audit", "drawings").text


def test_a_stretch_without_gifts_is_an_empty_pack(organisation: Organisation, finn: StaffMember) -> None:
    assert rows(drawn(finn), "sample.csv") == []
