"""An auditor's sample and the large donors over the API: the same as at the terminal."""

import io
import zipfile
from hashlib import sha256

from sqlalchemy import select

from payments.database import transaction
from payments.staff.models import AuditEntry
from tests.api.test_months import desk
from tests.api.test_reconciliation import Desk, problem
from tests.cli.conftest import Almoner, almoner
from tests.reconciliation.conftest import finn

__all__ = ["almoner", "desk", "finn"]

OCTOBER = {"first_month": "2026-10", "last_month": "2026-10"}


def test_a_sample_is_the_one_of_the_terminal_and_is_noted(desk: Desk, almoner: Almoner, tmp_path):
    asked = OCTOBER | {"seed": "7", "sample": 2, "all_from": {"usd": 9_000}}

    drawn = desk.sends("vera", "audit/pack", asked)
    named = desk.sends("vera", "audit/pack", asked | {"names_because": "confirmations"})
    nobody = desk.sends("nobody", "audit/pack", asked)
    almoner(
        *("audit", "pack", "--from", "2026-10", "--to", "2026-10", "--seed", "7", "--sample", "2"),
        *("--all-from", "usd=90", "--as", "finn@example.org", "--out", str(tmp_path / "audit.zip")),
    )

    assert drawn.status_code == 200
    assert drawn.content == (tmp_path / "audit.zip").read_bytes()
    assert drawn.headers["etag"] == f'"{sha256(drawn.content).hexdigest()}"'
    assert "donors.csv" not in zipfile.ZipFile(io.BytesIO(drawn.content)).namelist()
    assert (named.status_code, nobody.status_code) == (403, 401)
    assert [(each["by"], each["seed"]) for each in desk.reads("vera", "audit/drawings").json()] == [
        ("Vera", "7"),
        ("Finn", "7"),
    ]


def test_what_could_not_be_drawn_again_is_a_422(desk: Desk):
    backwards = desk.sends(
        "vera", "audit/pack", {"first_month": "2026-11", "last_month": "2026-10", "seed": "7"}
    )
    unseeded = desk.sends("vera", "audit/pack", OCTOBER | {"seed": "a seed"})
    nothing = desk.sends("vera", "audit/pack", OCTOBER | {"seed": "7", "sample": 0})
    unsaid = desk.sends("vera", "donors/large", OCTOBER | {"entity": "kr"})

    for refused in (backwards, unseeded, nothing, unsaid):
        assert problem(refused) == (422, "not-drawable")


def test_large_donors_are_ids_and_named_with_a_reason_that_is_noted(desk: Desk):
    asked = OCTOBER | {"least": {"usd": 1_000}}

    listed = desk.sends("vera", "donors/large", asked).json()
    named = desk.sends("finn", "donors/large", asked | {"names_because": "Schedule B"}).json()
    sheet = desk.sends("vera", "donors/large/report", asked, format="xlsx")

    [usd] = [each for each in listed["currencies"] if each["currency"] == "usd"]
    assert usd["listed"] == sum(each["stands"] for each in listed["donors"])
    assert (usd["total"], usd["brought"]) == (usd["in_the_book"], usd["moved"])
    assert {each["name"] for each in listed["donors"]} == {None}
    assert None not in {each["name"] for each in named["donors"]}
    assert sheet.content[:2] == b"PK"
    with transaction() as session:
        noted = session.scalars(select(AuditEntry).where(AuditEntry.deed == "donors.large")).one()
    assert noted.reason == "Schedule B"
