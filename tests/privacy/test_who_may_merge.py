"""Who merges, through which door, and what keeps everybody else from it."""

from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from payments.database import transaction
from payments.monthly.models import MonthlyGift
from tests.privacy.two_records import (
    breaches_found,
    donor_of,
    merges,
    two_records,
)
from tests.refunds.desk import Desk


@pytest.mark.parametrize("who", ["sue", "vera", "abe"])
def test_only_finance_merges(desk: Desk, who: str) -> None:
    kept, gone = two_records(desk)

    words = ("--as", f"{who}@lp.example", "--reason", "x")
    assert "finance" in desk.types_wrongly("donors", "merge", kept, gone, *words, "--yes")
    assert desk.sends(who, f"donors/{kept}/merge", {"gone": gone, "reason": "x"}).status_code == 403
    assert "finance" in desk.types_wrongly("donors", "unmerge", gone, *words)


def test_the_api_rehearses_merges_and_takes_back(desk: Desk) -> None:
    kept, gone = two_records(desk)
    sent = {"gone": gone, "reason": "both are hers", "take": ["name"]}

    rehearsed = desk.sends("finn", f"donors/{kept}/merge", sent)
    done = desk.sends("finn", f"donors/{kept}/merge", sent | {"is_rehearsal": False})
    again = desk.sends("finn", f"donors/{kept}/merge", sent | {"is_rehearsal": False})
    backwards = desk.sends(
        "finn", f"donors/{gone}/merge", {"gone": kept, "reason": "x", "is_rehearsal": False}
    )
    parted = desk.sends("finn", f"donors/{gone}/unmerge", {"reason": "two after all"})

    assert [answer.json()["status"] for answer in (rehearsed, done, again)] == [
        "rehearsed",
        "merged",
        "merged_before",
    ]
    assert rehearsed.json()["plan"] == done.json()["plan"]
    assert (backwards.status_code, backwards.json()["title"]) == (
        409,
        "These two cannot become one as they are",
    )
    assert len(parted.json()["gifts"]) == 2
    assert desk.sends("finn", f"donors/{gone}/unmerge", {"reason": "x"}).status_code == 409


def test_likely_pairs_are_suggested_and_each_reading_is_noted(desk: Desk) -> None:
    at_home = donor_of(desk.a_paid_gift(email="ada.park@example.com", name="Ada Park"))
    mistyped = donor_of(desk.a_paid_gift(email="ada.prak@example.com", name="A P"))
    same_name = donor_of(desk.a_paid_gift(email="elsewhere@lp.example", name="ada  PARK"))
    desk.a_paid_gift(email="ben@example.com", name="Ben")

    pairs = desk.reads_json("donors", "doubles", "--as", "sue@lp.example")

    found = {(frozenset((pair["one"], pair["other"])), pair["why"]) for pair in pairs}
    assert found == {
        (frozenset((at_home, mistyped)), "their addresses are a letter apart"),
        (frozenset((at_home, same_name)), "they have the same name"),
    }
    assert [line.deed for line in desk.audit(pairs[0]["one"])][-1] == "donors.doubles"
    assert "Nobody" not in desk.types("donors", "doubles", "--as", "sue@lp.example")
    assert "role" in desk.types_wrongly("donors", "doubles", "--as", "vera@lp.example")


def test_nothing_but_a_merge_moves_a_statement_a_declaration_or_its_own_trace(desk: Desk) -> None:
    kept, gone = two_records(desk)
    merges(desk, kept, gone)

    for statement in (
        "update donor_merge_rows set row_id = 'don_x'",
        "delete from donor_merges",
        "update donor_merges set kept_id = gone_id",
        "update giving_statements set donor_id = 'dnr_x'",
    ):
        with (
            pytest.raises(DBAPIError, match=r"append-only|stands|permission denied"),
            transaction() as session,
        ):
            session.execute(text(statement))


def test_a_gift_that_stayed_behind_is_found(desk: Desk, owner: Any) -> None:
    kept, gone = two_records(desk)
    merges(desk, kept, gone)
    with transaction() as session:
        promise = session.scalars(select(MonthlyGift.id)).one()
    owner.execute(text("update monthly_gifts set donor_id = :gone"), {"gone": gone})
    owner.execute(text("update donors set merged_into_id = null where id = :gone"), {"gone": kept})
    owner.commit()

    found = breaches_found("merged_donor_has_rows", "merge_without_trace", "merge_lost_a_row")

    assert (
        f"merged_donor_has_rows {promise} is a monthly gift of a record that was merged into {kept}." in found
    )
    assert any(line.startswith("merge_lost_a_row") and promise in line for line in found)
