"""The year's statements: every live gift once, totals equal to the register's, and no run ever twice."""

import json
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from email import message_from_bytes, policy
from io import BytesIO
from pathlib import Path

import pypdf
import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session
from typer.testing import CliRunner

from payments.cli import app
from payments.clock import now
from payments.database import transaction
from payments.donations.models import Donation, IssuingEntity, Organisation
from payments.mail.models import OutgoingMail
from payments.receipts import annual, issue, verification
from payments.receipts.models import DueReceipt, GivingStatement, ReceiptCounter, StatementDocument
from payments.receipts.summary import GivingSummary
from payments.receipts.verification import Standing
from payments.supporters import donors
from tests.receipts.test_issue import a_paid_gift

SPRING, AUTUMN = datetime(2026, 3, 3, 20, tzinfo=UTC), datetime(2026, 10, 3, 20, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _bells_that_cost_nothing(with_settings: Callable[..., None]) -> None:
    with_settings(broker_url="memory://")


def us(session: Session) -> IssuingEntity:
    return session.get_one(IssuingEntity, "us")


def numbered(session: Session) -> list[GivingSummary]:
    issue.issue_due(session)
    while annual.number_next(session, us(session), 2026):
        pass
    contents = session.scalars(select(GivingStatement.content).order_by(GivingStatement.number))
    return [GivingSummary.from_json(content) for content in contents]


def test_a_statement_lists_the_date_and_amount_of_each_gift(organisation: Organisation, session: Session):
    a_paid_gift(session, paid_at=AUTUMN, amount=25_000, fund="rescue")
    a_paid_gift(session, paid_at=SPRING, amount=2_500)

    (statement,) = numbered(session)

    assert statement.number == "US-A-2026-000001"
    assert [(gift.gift_date, gift.amount_minor, gift.fund_name) for gift in statement.gifts] == [
        (date(2026, 3, 3), 2_500, "Where it is needed most"),
        (date(2026, 10, 3), 25_000, "Rescue and resettlement"),
    ]
    assert {gift.receipt_number for gift in statement.gifts} == {"US-2026-000001", "US-2026-000002"}
    assert statement.statement_code == "us_annual"


def test_currencies_are_never_added_up(organisation: Organisation, session: Session):
    a_paid_gift(session, amount=2_500)
    a_paid_gift(session, amount=50_000, currency="krw")

    (statement,) = numbered(session)

    assert {(total.paid.minor, total.paid.currency) for total in statement.totals} == {
        (2_500, "usd"),
        (50_000, "krw"),
    }


def test_what_was_voided_and_what_is_of_another_year_stays_out(organisation: Organisation, session: Session):
    a_paid_gift(session, amount=1_000)
    a_paid_gift(session, amount=2_000, paid_at=datetime(2025, 6, 1, tzinfo=UTC))
    a_paid_gift(session, amount=3_000)
    issue.issue_due(session)
    session.execute(
        text(
            "update receipts set status = 'void', void_cause = 'refunded', void_reason = 'refunded',"
            " voided_at = now() where amount = 3000"
        )
    )

    (statement,) = numbered(session)

    assert [gift.amount_minor for gift in statement.gifts] == [1_000]


def test_a_benefit_is_named_beside_its_gift_and_subtracted_in_the_total(
    organisation: Organisation, session: Session
):
    a_paid_gift(session, amount=20_000, benefit_amount=4_000, benefit_text="Two seats at the gala")

    (statement,) = numbered(session)

    assert statement.statement_code == "us_annual_with_benefits"
    assert statement.gifts[0].benefit_text == "Two seats at the gala"
    assert statement.totals[0].eligible.minor == 16_000


def test_a_religious_body_says_of_the_other_gifts_what_their_own_receipts_say(
    organisation: Organisation, session: Session
):
    us(session).statement_code = "us_intangible_religious"
    a_paid_gift(session, amount=20_000, benefit_amount=4_000, benefit_text="Two seats at the gala")
    a_paid_gift(session, amount=30_000)

    (statement,) = numbered(session)

    assert statement.statement_code == "us_annual_religious_with_benefits"


def test_a_match_by_the_employer_stands_apart_and_counts_for_nothing(
    organisation: Organisation, session: Session
):
    a_paid_gift(session, amount=2_500)
    ada = donors.recognise(session, email="ada@example.com", name="Ada Park", locale="en")
    a_paid_gift(
        session,
        amount=2_500,
        name="Harbor Instruments",
        email="match@harbor.example",
        payer_kind="employer_match",
        soft_credit_donor_id=ada,
    )

    (statement,) = numbered(session)

    assert [gift.payer_name for gift in statement.through_others] == ["Harbor Instruments"]
    assert [total.paid.minor for total in statement.totals] == [2_500]


def test_what_all_statements_list_is_what_the_register_holds(organisation: Organisation, session: Session):
    for place in range(30):
        a_paid_gift(session, email=f"d{place % 7}@example.com", amount=1_000 + place)
    a_paid_gift(session, amount=50_000, currency="krw")

    numbered(session)

    register = {total.paid.currency: total.paid.minor for total in annual.totals(session, us(session), 2026)}
    assert annual.listed(session, us(session), 2026) == register == {"usd": 30_435, "krw": 50_000}


def test_a_second_run_numbers_nobody_twice_and_takes_in_whoever_came_later(
    organisation: Organisation, session: Session
):
    a_paid_gift(session)
    numbered(session)
    a_paid_gift(session, email="ben@example.com")

    statements = numbered(session)

    assert [statement.number for statement in statements] == ["US-A-2026-000001", "US-A-2026-000002"]
    counters = {counter.series: counter.last_number for counter in session.scalars(select(ReceiptCounter))}
    assert counters == {"US": 2, "US-A": 2}


def test_a_run_goes_on_behind_the_last_donor_and_finds_who_came_late_in_front(
    organisation: Organisation, session: Session, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(annual, "NUMBERS_AT_ONCE", 2)
    for place in range(6):
        a_paid_gift(session, email=f"d{place}@example.com")
    # The one whose id comes first of all has no receipt yet when the run begins.
    late = session.scalars(select(DueReceipt).join(Donation).order_by(Donation.donor_id)).first()
    assert late is not None
    late.next_at = datetime(2100, 1, 1, tzinfo=UTC)
    session.flush()
    issue.issue_due(session)
    step = annual.numbering(us(session), 2026)

    begun = [step(session), step(session)]
    late.next_at = late.due_at
    session.flush()
    issue.issue_due(session)

    assert begun == [2, 2]
    assert [step(session) for _ in range(4)] == [1, 1, 0, 0]
    assert len(session.scalars(select(GivingStatement.donor_id)).all()) == 6


def test_a_run_that_is_broken_off_at_every_step_ends_with_one_letter_each(
    organisation: Organisation, session: Session
):
    for place in range(3):
        a_paid_gift(session, email=f"d{place}@example.com")
    issue.issue_due(session)
    session.commit()
    annual.number_next(session, us(session), 2026)
    session.rollback()
    numbered(session)
    session.commit()
    annual.draw_next(session, us(session), 2026)
    session.rollback()
    annual.draw_next(session, us(session), 2026)
    session.commit()
    for _ in range(3):
        annual.mail_next(session, us(session), 2026, delay=timedelta())
        session.commit()

    state = annual.progress(session, us(session), 2026)

    assert state == annual.Progress(donors=3, numbered=3, drawn=3, mailed=3)
    references = session.scalars(select(OutgoingMail.reference)).all()
    assert len(references) == len(set(references)) == 3


def test_the_letter_of_a_statement_carries_its_totals_and_its_page(
    organisation: Organisation, session: Session
):
    a_paid_gift(session, amount=2_500)
    numbered(session)
    annual.draw_next(session, us(session), 2026)
    annual.mail_next(session, us(session), 2026, delay=timedelta(hours=1))

    mail = session.scalars(select(OutgoingMail)).one()

    letter = message_from_bytes(mail.message, policy=policy.default)
    body, (attachment,) = letter.get_body(("plain",)), list(letter.iter_attachments())
    assert letter["Subject"] == "Your giving to Lantern Path, Inc. in 2026"
    table = letter.get_body(("html",))
    assert table is not None
    assert re.findall(r"<th [^>]*>([^<]*)</th>", table.get_content())[:2] == ["2026", "Amount"]
    assert body is not None
    assert "Total given in USD: $25.00" in body.get_content()
    assert attachment.get_filename() == "statement-US-A-2026-000001.pdf"
    assert attachment.get_content() == session.scalars(select(StatementDocument.pdf)).one()
    assert mail.next_at > session.scalar(text("select now() + interval '59 minutes'"))


@pytest.mark.parametrize(
    ("locale", "told"),
    [
        ("en", "What you gave up to March 3, 2026, through the donation platform we used before, is not on"),
        ("ko", "2026년 3월 3일까지 이전 후원 시스템을 통해 보내 주신 후원은 이 내역에 포함되지 않습니다."),
    ],
)
def test_whoever_gave_on_another_platform_that_year_reads_that_it_is_not_all_of_it(
    organisation: Organisation, session: Session, locale: str, told: str
):
    a_paid_gift(session, paid_at=SPRING - timedelta(days=9), amount=1_000, channel="adopted")
    a_paid_gift(session, paid_at=SPRING, amount=1_000, channel="adopted")
    a_paid_gift(session, paid_at=SPRING - timedelta(days=300), email="ben@example.com", channel="adopted")
    a_paid_gift(session, paid_at=AUTUMN, amount=2_500, locale=locale)
    a_paid_gift(session, paid_at=AUTUMN, amount=4_000, email="ben@example.com")

    ada, ben = sorted(numbered(session), key=lambda each: each.totals[0].paid.minor)
    annual.draw_next(session, us(session), 2026)
    annual.mail_next(session, us(session), 2026, delay=timedelta())

    assert [gift.amount_minor for gift in ada.gifts] == [2_500]
    assert (ada.elsewhere_until, ben.elsewhere_until) == (date(2026, 3, 3), None)
    pages = {
        statement.content["number"]: pdf
        for statement, pdf in session.execute(
            select(GivingStatement, StatementDocument.pdf).join(
                StatementDocument, StatementDocument.statement_id == GivingStatement.id
            )
        )
    }
    assert shown(told) in shown(read(pages[ada.number]))
    assert shown(told) not in shown(read(pages[ben.number]))
    letters = [
        message_from_bytes(each, policy=policy.default)
        for each in session.scalars(select(OutgoingMail.message))
    ]
    bodies = [letter.get_body((kind,)).get_content() for letter in letters for kind in ("plain", "html")]
    assert sum(shown(told) in shown(body) for body in bodies) == 2


def read(pdf: bytes) -> str:
    return "".join(page.extract_text() for page in pypdf.PdfReader(BytesIO(pdf)).pages)


def shown(text: str) -> str:
    """Without the breaks of lines and words, which are the page's."""
    return "".join(text.replace("\u200b", "").split())


def test_a_statement_proves_itself_like_a_receipt(organisation: Organisation, session: Session):
    a_paid_gift(session)
    (statement,) = numbered(session)

    found = verification.look_up(session, number=statement.number, code=str(statement.verification_code))

    assert found.standing is Standing.VALID


@pytest.mark.parametrize(
    "rewrite", ["update giving_statements set number = 'X'", "delete from giving_statements"]
)
def test_an_issued_statement_cannot_be_rewritten(organisation: Organisation, session: Session, rewrite: str):
    a_paid_gift(session)
    numbered(session)

    with pytest.raises(DatabaseError), session.begin_nested():
        session.execute(text(rewrite))


def asked(*words: str) -> str:
    done = CliRunner().invoke(app, ["receipts", *words])
    assert done.exit_code == 0, done.output
    return done.stdout


def test_the_run_at_a_terminal_previews_without_a_trace_then_does_it_once(organisation: Organisation):
    with transaction() as session:
        for place in range(4):
            a_paid_gift(session, email=f"d{place % 2}@example.com", amount=1_000)
        issue.issue_due(session)

    preview = json.loads(asked("annual", "--year", "2026", "--preview", "--json"))
    first = json.loads(asked("annual", "--year", "2026", "--early", "--send", "--json"))
    again = json.loads(asked("annual", "--year", "2026", "--early", "--send", "--json"))

    assert preview["statements"] == {
        **{"donors": 2, "numbered": 0, "drawn": 0, "mailed": 0},
        "incomplete": 0,
    }
    assert first["statements"] == {
        **{"donors": 2, "numbered": 2, "drawn": 2, "mailed": 2},
        "incomplete": 0,
    }
    assert again == first
    assert first["register"][0]["listed"] == 4_000


def test_a_year_that_still_runs_is_previewed_and_numbered_only_on_purpose(organisation: Organisation):
    runs = str(now().year + 1)

    refused = CliRunner().invoke(app, ["receipts", "annual", "--year", runs, "--send"])
    preview = json.loads(asked("annual", "--year", runs, "--preview", "--json"))

    assert refused.exit_code != 0
    assert isinstance(refused.exception, annual.YearNotOver)
    assert "Use --preview, or --early if it is meant" in str(refused.exception)
    assert preview["statements"]["numbered"] == 0


def test_any_stretch_of_time_can_be_put_on_a_page(organisation: Organisation, tmp_path: Path):
    with transaction() as session:
        spring = a_paid_gift(session, paid_at=SPRING, amount=1_100)
        a_paid_gift(session, paid_at=AUTUMN, amount=2_200)
        issue.issue_due(session)

    asked(
        *("summary", spring.donor_id, "--out", str(tmp_path / "spring.pdf")),
        *("--from", "2026-01-01", "--until", "2026-06-30"),
    )

    words = pypdf.PdfReader(tmp_path / "spring.pdf").pages[0].extract_text()
    assert "$11.00" in words
    assert "$22.00" not in words
