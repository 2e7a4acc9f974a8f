"""Claims: each gift once, by a declaration that covers it, and corrected when it goes back."""

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session
from typer.testing import CliRunner

from payments.cli import app
from payments.database import transaction
from payments.donations import recording
from payments.donations.models import Donation, IssuingEntity
from payments.donations.offline import Channel as OfflineChannel
from payments.donations.recording import Paper
from payments.donations.wishes import Share
from payments.giftaid import claims, deadline, declarations
from payments.giftaid.declarations import GiftAidRefused, NotBritish, Scope
from payments.giftaid.models import Channel, GiftAidDeclaration, GiftAidLine
from payments.giftaid.schedule import Person
from payments.money import Money
from payments.receipts import owing
from payments.staff.models import StaffMember
from tests.giftaid.test_schedule import read_back
from tests.receipts.test_issue import a_paid_gift

MARCH, JUNE = datetime(2026, 3, 4, 12, tzinfo=UTC), datetime(2026, 6, 4, 12, tzinfo=UTC)
UNTIL = date(2026, 11, 24)
ANN = Person(first_name="Ann", last_name="Lee", house="4", postcode="sw1a1aa")


def gift(session: Session, *, paid_at: datetime = MARCH, amount: int = 5_000, **given) -> Donation:
    return a_paid_gift(session, paid_at=paid_at, amount=amount, currency="gbp", **given)


def declared(
    session: Session,
    british: IssuingEntity,
    finn: StaffMember,
    donor_id: str,
    *,
    scope: Scope = Scope.PAST_AND_FUTURE,
    channel: Channel = Channel.WRITTEN,
    given_on: date = date(2026, 4, 1),
    donation_id: str | None = None,
) -> GiftAidDeclaration:
    return declarations.note(
        session,
        british,
        donor_id,
        ANN,
        scope=scope,
        channel=channel,
        given_on=given_on,
        donation_id=donation_id,
        by=finn,
    )


def test_a_claim_has_the_gifts_that_are_declared_and_says_why_it_lacks_the_others(
    session: Session, british: IssuingEntity, finn: StaffMember
):
    given = gift(session)
    bare = gift(session, email="bare@example.com")
    firm = gift(session, email="firm@example.com", payer_kind="company")
    abroad = a_paid_gift(session, paid_at=MARCH, currency="usd")
    declared(session, british, finn, given.donor_id)

    made, prepared = claims.claim(session, british, until=UNTIL, by=finn)

    assert {row.donation_id: row.amount for row in session.scalars(select(GiftAidLine))} == {given.id: 5_000}
    reasons = {row.donation_id: row.reason for row in prepared.refused}
    assert "There is no declaration" in reasons[bare.id]
    assert "for people" in reasons[firm.id]
    assert "not in pounds" in reasons[abroad.id]
    assert (made.number, made.line_count, made.earliest) == (1, 1, date(2026, 3, 4))
    assert read_back(made.ods)[1][24][3:7] == ["Ann", "Lee", "4", "SW1A 1AA"]


def test_a_gift_is_claimed_once_and_the_database_sees_to_it(
    session: Session, british: IssuingEntity, finn: StaffMember
):
    given = gift(session)
    declared(session, british, finn, given.donor_id)
    claims.claim(session, british, until=UNTIL, by=finn)

    with pytest.raises(GiftAidRefused, match="No gift can be claimed"):
        claims.claim(session, british, until=UNTIL, by=finn)
    with pytest.raises(DatabaseError, match="pk_gift_aid_lines"), session.begin_nested():
        session.execute(text("insert into gift_aid_lines select * from gift_aid_lines"))


def test_what_goes_back_of_a_claimed_gift_is_over_claimed_on_the_next(
    session: Session, british: IssuingEntity, finn: StaffMember
):
    cheque = Paper(
        channel=OfflineChannel.CHEQUE,
        amount=Money(10_001, "gbp"),
        shares=(Share("general", 10_001),),
        donor_name="Ann Lee",
        received_on=date(2026, 3, 4),
    )
    bounced = owing.take_in(
        session, cheque, payer_email="ann@example.com", soft_credit=None, by=finn
    ).donation
    declared(session, british, finn, bounced.donor_id)
    claims.claim(session, british, until=UNTIL, by=finn)
    next_one = gift(session, paid_at=JUNE, email="ann@example.com")
    recording.reverse(session, bounced.id, by=finn, reason="it bounced")

    second, _ = claims.claim(session, british, until=UNTIL, by=finn)
    third = claims.prepare(session, british, until=UNTIL)

    assert second.over_claimed == 2_501  # a quarter of 100.01, its fraction in HMRC's favour
    assert read_back(second.ods)[1][16][3] == "25.01"
    assert third.over_claimed == 0
    assert session.get_one(GiftAidLine, next_one.id).claim_id == second.id


@pytest.mark.parametrize(
    ("scope", "covered"),
    [
        (Scope.FUTURE, {"june"}),
        (Scope.PAST_AND_FUTURE, {"march", "june"}),
        (Scope.THIS, {"march"}),
    ],
)
def test_a_declaration_covers_the_gifts_it_names(
    session: Session, british: IssuingEntity, finn: StaffMember, scope: Scope, covered: set[str]
):
    march, june = gift(session), gift(session, paid_at=JUNE)
    gift(session, paid_at=datetime(2022, 3, 1, tzinfo=UTC))
    declared(
        session,
        british,
        finn,
        march.donor_id,
        scope=scope,
        donation_id=march.id if scope is Scope.THIS else None,
    )

    prepared = claims.prepare(session, british, until=UNTIL)

    names = {march.id: "march", june.id: "june"}
    assert {names[one.donation_id] for _, gifts in prepared.lines for one in gifts} == covered


def test_a_spoken_declaration_counts_once_its_record_was_sent_and_not_if_cancelled_in_thirty_days(
    session: Session, british: IssuingEntity, finn: StaffMember
):
    given = gift(session)
    spoken = declared(session, british, finn, given.donor_id, channel=Channel.ORAL, given_on=UNTIL)
    (waiting,) = claims.prepare(session, british, until=UNTIL).refused
    declarations.record_sent(session, spoken.id, on=UNTIL, by=finn)
    counted = claims.prepare(session, british, until=UNTIL)
    declarations.cancel(session, spoken.id, by=finn, reason="she changed her mind")

    never_was = claims.prepare(session, british, until=UNTIL)

    assert "spoken" in waiting.reason
    assert len(counted.lines) == 1
    assert never_was.lines == ()


def test_a_cancelled_declaration_still_covers_what_came_before(
    session: Session, british: IssuingEntity, finn: StaffMember
):
    given = gift(session)
    kept = declared(session, british, finn, given.donor_id)
    declarations.cancel(session, kept.id, by=finn, reason="moved abroad")

    assert len(claims.prepare(session, british, until=UNTIL).lines) == 1
    with pytest.raises(DatabaseError, match="stands as it was given"), session.begin_nested():
        session.execute(
            text("update gift_aid_declarations set cancelled_on = null, cancelled_because = null")
        )


def test_what_was_claimed_on_a_declaration_that_never_was_goes_back_with_the_next_claim(
    session: Session, british: IssuingEntity, finn: StaffMember
):
    given = gift(session, amount=10_000)
    spoken = declared(session, british, finn, given.donor_id, channel=Channel.ORAL, given_on=UNTIL)
    declarations.record_sent(session, spoken.id, on=UNTIL, by=finn)
    claims.claim(session, british, until=UNTIL, by=finn)
    declarations.cancel(session, spoken.id, by=finn, reason="she changed her mind")
    other = gift(session, paid_at=JUNE, email="other@example.com")
    declared(session, british, finn, other.donor_id)

    second, prepared = claims.claim(session, british, until=UNTIL, by=finn)

    assert prepared.corrections == ((given.id, 10_000),)
    assert read_back(second.ods)[1][16][3] == "25.00"
    assert claims.prepare(session, british, until=UNTIL).over_claimed == 0


def test_a_declaration_cancelled_after_the_claim_leaves_it_as_it_is_and_so_does_another_that_covers(
    session: Session, british: IssuingEntity, finn: StaffMember
):
    given = gift(session)
    kept = declared(session, british, finn, given.donor_id)
    spoken_of = gift(session, email="b@example.com")
    spoken = declared(session, british, finn, spoken_of.donor_id, channel=Channel.ORAL, given_on=UNTIL)
    declarations.record_sent(session, spoken.id, on=UNTIL, by=finn)
    claims.claim(session, british, until=UNTIL, by=finn)

    declarations.cancel(session, kept.id, by=finn, reason="moved abroad")
    declarations.cancel(session, spoken.id, by=finn, reason="she wrote instead")
    declared(session, british, finn, spoken_of.donor_id)

    assert claims.prepare(session, british, until=UNTIL).over_claimed == 0


@pytest.mark.parametrize(
    ("accounting_year_end", "given_on", "last"),
    [
        (None, date(2022, 4, 5), date(2026, 4, 5)),
        (None, date(2022, 4, 6), date(2027, 4, 5)),
        ("12-31", date(2022, 4, 6), date(2026, 12, 31)),
        ("02-29", date(2022, 4, 6), date(2027, 2, 28)),
    ],
)
def test_a_gift_is_claimed_within_four_years_of_the_end_of_its_period(accounting_year_end, given_on, last):
    assert deadline.last_day(given_on, {"accounting_year_end": accounting_year_end}) == last


def test_a_gift_whose_time_is_over_is_refused_with_its_last_day(
    session: Session, british: IssuingEntity, finn: StaffMember
):
    long_ago = datetime(2018, 6, 1, 12, tzinfo=UTC)
    late = gift(session, paid_at=long_ago)
    declared(session, british, finn, late.donor_id, given_on=date(2018, 6, 1))

    (refused,) = claims.prepare(session, british, until=UNTIL).refused

    assert "could be claimed until 2023-04-05, four years after the end of the period" in refused.reason


def test_small_gifts_go_together_up_to_a_thousand_pounds_a_line(
    session: Session, british: IssuingEntity, finn: StaffMember
):
    for _ in range(36):
        given = gift(session, amount=2_999)
    gift(session, amount=3_000)
    declared(session, british, finn, given.donor_id)

    prepared = claims.prepare(session, british, until=UNTIL, aggregate=True)

    assert [(line.aggregated, line.amount) for line, _ in prepared.lines] == [
        ("", 3_000),
        ("Small gifts of 2026-03", 98_967),
        ("Small gifts of 2026-03", 8_997),
    ]


def test_a_body_elsewhere_has_no_gift_aid(session: Session, british: IssuingEntity, finn: StaffMember):
    with pytest.raises(NotBritish, match="not in the United Kingdom"):
        claims.prepare(session, session.get_one(IssuingEntity, "kr"), until=UNTIL)


def test_the_file_of_a_claim_is_the_same_however_often_it_is_asked_for(
    british: IssuingEntity, finn: StaffMember, tmp_path: Path
):
    with transaction() as session:
        donor = gift(session).donor_id
    asked(
        *("declare", donor, "--first-name", "Ann", "--last-name", "Lee", "--house", "4"),
        *("--postcode", "sw1a 1aa", "--scope", "past_and_future", "--channel", "written"),
        *("--given-on", "2026-04-01", "--as", finn.email),
    )
    until = ("--until", "2026-11-24")

    preview = json.loads(asked("claim", *until, "--preview", "--json"))
    first = json.loads(asked("claim", *until, "--out", str(tmp_path / "a.ods"), "--as", finn.email, "--json"))
    asked("download", "1", "--out", str(tmp_path / "b.ods"), "--as", finn.email)
    asked("download", "1", "--out", str(tmp_path / "c.csv"), "--as", finn.email)

    assert (preview["number"], preview["lines"], first["number"]) == (None, 1, 1)
    assert (tmp_path / "a.ods").read_bytes() == (tmp_path / "b.ods").read_bytes()
    assert "1,,Ann,Lee,4,SW1A 1AA,,,04/03/26,50.00" in (tmp_path / "c.csv").read_text("utf-8-sig")
    (listed,) = json.loads(asked("list", "--json"))
    assert "Ann" not in json.dumps(listed)
    assert json.loads(asked("claims", "--json"))[0]["gifts"] == "50.00"


def asked(*words: str) -> str:
    done = CliRunner().invoke(app, ["giftaid", *words])
    assert done.exit_code == 0, done.output
    return done.stdout
