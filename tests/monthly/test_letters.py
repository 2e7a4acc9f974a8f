"""The letters about a monthly gift: each fact once, in the donor's language, and how to change or stop."""

import email
import email.policy
import re
import string
from collections.abc import Callable
from datetime import UTC, datetime
from email.message import EmailMessage
from html.parser import HTMLParser

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.donations.models import Organisation
from payments.mail.models import OutgoingMail
from payments.money import Money
from payments.monthly import letters, links
from payments.monthly.declines import Course, Decision, Reason, decide
from payments.monthly.letter_paper import words
from payments.monthly.models import MonthlyChange, MonthlyGift, MonthlyInvoice
from tests.monthly.promises import BEGUN, a_monthly_gift, an_invoice, terms

MARCH = datetime(2027, 3, 2, 7, 30, tzinfo=UTC)
"""In Los Angeles still the first of March."""


def change(gift: MonthlyGift, kind: str, **given: object) -> MonthlyChange:
    return MonthlyChange(id="chg_1", monthly_gift_id=gift.id, kind=kind, asked_by="donor", **given)


def tell_refusal(session: Session, gift: MonthlyGift, decision: Decision) -> None:
    letters.refused(
        session,
        gift,
        invoice_of(session, gift),
        decision=decision,
        number=1,
        next_at=MARCH,
        confirm_url="https://invoice.example/confirm",
    )


def refusal(code: str, method: str = "card") -> Callable[[Session, MonthlyGift], None]:
    return lambda session, gift: tell_refusal(session, gift, decide(code, method=method, tries=1))


def end(session: Session, gift: MonthlyGift, reason: str) -> None:
    gift.status, gift.ended_at, gift.end_reason = "ended", MARCH, reason
    letters.ended(session, gift)


def raise_amount(session: Session, gift: MonthlyGift) -> None:
    more = terms(2, 5000, valid_from=MARCH)
    more.monthly_gift_id = gift.id
    session.add(more)
    session.flush()
    letters.amount_changed(session, gift, change(gift, "change_amount", terms_number=2))


def invoice_of(session: Session, gift: MonthlyGift) -> MonthlyInvoice:
    known = session.get(MonthlyInvoice, "in_1")
    return known or an_invoice(session, gift, stripe_invoice_id="in_1")


FACTS: dict[str, Callable[[Session, MonthlyGift], None]] = {
    "refused_same_again": refusal("insufficient_funds"),
    "refused_few_tries": refusal("do_not_honor"),
    "refused_new_method": refusal("expired_card"),
    "refused_confirm": refusal("authentication_required"),
    "refused_stopped_at_bank": refusal("debit_not_authorized"),
    "lapsed": lambda session, gift: letters.lapsed(session, gift, invoice_of(session, gift)),
    "recovered": lambda session, gift: letters.recovered(session, gift, invoice_of(session, gift)),
    "came_back": lambda session, gift: letters.came_back(session, gift, lapsed_at=BEGUN),
    "cancelled": lambda session, gift: end(session, gift, "donor"),
    "ended": lambda session, gift: end(session, gift, "staff"),
    "paused": lambda session, gift: letters.paused(session, gift, change(gift, "pause", paused_until=MARCH)),
    "skipped": lambda session, gift: letters.skipped(
        session, gift, change(gift, "pause", paused_until=MARCH)
    ),
    "resumed": lambda session, gift: letters.resumed(session, gift, change(gift, "resume")),
    "amount_changed": raise_amount,
    "day_changed": lambda session, gift: letters.day_changed(
        session, gift, change(gift, "change_day", day=28)
    ),
    "soon_again": lambda session, gift: letters.soon_again(session, gift, charged_at=MARCH),
    "card_expiring": letters.card_expiring,
    "year_given": lambda session, gift: letters.year_given(
        session, gift, year=2026, total=Money(36000, gift.currency), gifts=12
    ),
    "new_link": lambda session, gift: letters.new_link(session, gift, request_id="r1"),
    "second_plan": lambda session, gift: letters.second_plan(
        session, gift, other=a_monthly_gift(session, amount=1500, fund="education", currency=gift.currency)
    ),
    "refunded_in_pause": lambda session, gift: letters.refunded_in_pause(
        session,
        gift,
        change(gift, "pause", paused_until=MARCH),
        stripe_invoice_id="in_1",
        amount=Money(3000, gift.currency),
    ),
    "refunded_after_end": lambda session, gift: letters.refunded_after_end(
        session, gift, stripe_invoice_id="in_1", amount=Money(3000, gift.currency)
    ),
}
GIFTS = {"en": {}, "ko": {"locale": "ko", "name": "김영희", "currency": "krw", "amount": 30000}}


def told(session: Session) -> list[EmailMessage]:
    rows = session.scalars(select(OutgoingMail.message).order_by(OutgoingMail.reference)).all()
    return [email.message_from_bytes(wire, policy=email.policy.default) for wire in rows]


def text_of(message: EmailMessage) -> str:
    return message.get_body(("plain",)).get_content().replace("\r\n", "\n")


def html_of(message: EmailMessage) -> str:
    return message.get_body(("html",)).get_content()


@pytest.fixture(params=list(FACTS))
def fact(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=list(GIFTS))
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def letter(organisation: Organisation, session: Session, fact: str, language: str) -> EmailMessage:
    gift = a_monthly_gift(session, **GIFTS[language])
    FACTS[fact](session, gift)
    (only,) = told(session)
    return only


def test_every_letter_is_written_in_both_languages_with_the_same_facts() -> None:
    english, korean = words("en"), words("ko")

    assert list(english) == list(korean)
    for section, said in english.items():
        assert sorted(said) == sorted(korean[section]), section
        for key in said:
            assert placeholders(said[key]) >= placeholders(korean[section][key]), f"{section}.{key}"
    assert set(FACTS) == set(english) - {"all", "labels", "methods", "reasons"}
    assert set(english["reasons"]) == set(Reason)


def placeholders(said: str | list[str]) -> set[str]:
    whole = said if isinstance(said, str) else " ".join(said)
    return {name for _, name, _, _ in string.Formatter().parse(whole) if name} - {"method", "email"}


def test_a_letter_is_complete_and_says_how_to_stop(letter: EmailMessage, language: str) -> None:
    text, html = text_of(letter), html_of(letter)

    (link,) = set(re.findall(r"http://127\.0\.0\.1:8000/monthly/\S+", text.partition("\n--\n")[2]))
    assert links.monthly_gift_id(link.rpartition("/")[2])
    assert link in html
    assert letter["Subject"]
    assert "{" not in letter["Subject"]
    assert letter["To"] == "ada@example.com"
    assert letter["Reply-To"] == "giving@lanternpath.example"
    assert letter["Auto-Submitted"] == "auto-generated"
    assert letter["Content-Language"] == language
    assert re.fullmatch(r"<monthly\.[0-9a-f]{32}@example\.org>", letter["Message-ID"])
    assert GIFTS[language].get("name", "Ada Park") in text
    for said in (text, html):
        assert "{" not in said.partition("</style>")[2]
        assert "None" not in said
    assert "\n\n\n" not in text


def test_the_html_fetches_nothing_and_says_what_the_text_says(letter: EmailMessage) -> None:
    reader = Reader()
    reader.feed(html_of(letter))

    assert reader.open == []
    assert reader.fetched == []
    html = re.sub(r"\s+", " ", "".join(reader.said))
    for line in text_of(letter).splitlines():
        words_of_line = line.strip().partition(": ")[0].rstrip(":")
        if words_of_line and not words_of_line.startswith(("http", "--")):
            assert words_of_line.split(", ")[0] in html


class Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.fetched: list[str] = []
        self.said: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.fetched += [str(value) for name, value in attrs if name in {"src", "srcset", "background"}]
        if tag in {"link", "script", "img", "iframe"} or "url(" in (dict(attrs).get("style") or ""):
            self.fetched.append(tag)
        if tag not in {"meta", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.said.append(data)


def test_the_same_fact_is_told_once(organisation: Organisation, session: Session, fact: str) -> None:
    gift = a_monthly_gift(session)
    FACTS[fact](session, gift)
    first = session.scalars(select(OutgoingMail)).one()
    session.expunge(first)
    if fact == "amount_changed":
        letters.amount_changed(session, gift, change(gift, "change_amount", terms_number=2))
    else:
        FACTS[fact](session, gift)

    second = session.scalars(select(OutgoingMail)).one()
    assert (second.reference, second.message) == (first.reference, first.message)


def test_a_refusal_says_what_comes_and_when(organisation: Organisation, session: Session) -> None:
    refusal("insufficient_funds")(session, a_monthly_gift(session))

    (letter,) = told(session)

    assert letter["Subject"] == "Your monthly gift: we will try again on March 1, 2027"
    assert "there was not enough on your Visa ending in 4242" in text_of(letter)
    assert "There is nothing you need to do." in text_of(letter)


@pytest.mark.parametrize(
    "code", ["fraudulent", "stolen_card", "lost_card", "pickup_card", "highest_risk_level"]
)
@pytest.mark.parametrize("language", list(GIFTS))
def test_a_donor_is_not_told_what_a_bank_suspects(
    code: str, language: str, organisation: Organisation, session: Session
) -> None:
    refusal(code)(session, a_monthly_gift(session, **GIFTS[language]))
    (letter,) = told(session)

    said = (text_of(letter) + html_of(letter) + str(letter["Subject"])).lower()

    for word in ("fraud", "stolen", "lost", "suspect", "risk", "pickup", "도난", "분실", "사기", "의심"):
        assert word not in said


def test_a_confirmation_leads_to_the_page_where_it_is_given(
    organisation: Organisation, session: Session
) -> None:
    refusal("authentication_required")(session, a_monthly_gift(session))

    (letter,) = told(session)

    assert "Confirm the payment:\nhttps://invoice.example/confirm" in text_of(letter)
    assert 'href="https://invoice.example/confirm"' in html_of(letter)


def test_a_bank_account_is_called_one(organisation: Organisation, session: Session) -> None:
    gift = a_monthly_gift(session, card_brand=None, card_last4="6789", card_expires=None)
    refusal("insufficient_funds", "us_bank_account")(session, gift)

    (letter,) = told(session)

    assert "not enough on your bank account ending in 6789" in text_of(letter)


def test_nothing_is_told_of_a_deed_that_did_not_happen(organisation: Organisation, session: Session) -> None:
    deed = session.begin_nested()
    letters.card_expiring(session, a_monthly_gift(session))
    assert len(told(session)) == 1

    deed.rollback()

    assert told(session) == []


def test_a_hostile_name_stays_a_name(organisation: Organisation, session: Session) -> None:
    letters.card_expiring(
        session, a_monthly_gift(session, name="<script>alert(1)</script> {amount}\r\nBcc: x@y.example")
    )

    (letter,) = told(session)

    assert letter["Bcc"] is None
    assert "<script>" not in html_of(letter)
    assert "{amount} Bcc: x@y.example" in text_of(letter)


def test_every_course_has_its_letter() -> None:
    assert {f"refused_{course}" for course in Course} <= set(FACTS)


def test_a_donor_who_stopped_it_at_the_bank_is_set_no_term(
    organisation: Organisation, session: Session
) -> None:
    refusal("debit_not_authorized")(session, a_monthly_gift(session))

    (letter,) = told(session)

    assert "  Rests from: March 1, 2027" in text_of(letter)
    assert "By: " not in text_of(letter)


def test_the_summary_of_a_year_says_that_it_is_no_tax_document(
    organisation: Organisation, session: Session
) -> None:
    FACTS["year_given"](session, a_monthly_gift(session))

    (letter,) = told(session)

    assert "not a tax document" in text_of(letter)
    assert "In all: $360.00" in text_of(letter)


@pytest.fixture(autouse=True)
def _no_bells(with_settings: Callable[..., None]) -> None:
    with_settings(broker_url="memory://")
