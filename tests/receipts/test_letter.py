import email
import email.policy
from dataclasses import replace
from datetime import UTC, datetime
from email.message import EmailMessage
from html.parser import HTMLParser

import pytest

from payments.receipts import letter
from tests.receipts.receipt_samples import US_ENTITY, korean_receipt, us_receipt

PDF = b"%PDF-1.7 a receipt"


def composed(content, **changes) -> EmailMessage:
    """The message as the donor's mail program reads it back from the wire."""
    arguments = {
        "to_address": "margaret@example.com",
        "from_address": "Open Harbor <giving@example.org>",
        "message_id": "<rcp_1@example.org>",
        "dated": datetime(2026, 3, 4, 9, 30, tzinfo=UTC),
        "pdf": PDF,
        "donate_url": "https://give.example.org/donate",
        "gifts_url": "https://give.example.org/giving",
    }
    wire = letter.compose(content, **arguments | changes)
    return email.message_from_bytes(wire, policy=email.policy.default)


def text_part(message: EmailMessage) -> str:
    return message.get_body(("plain",)).get_content()


def html_part(message: EmailMessage) -> str:
    return message.get_body(("html",)).get_content()


def test_the_letter_has_plain_text_then_html_then_the_receipt():
    message = composed(us_receipt())

    kinds = [part.get_content_type() for part in message.walk()]
    (attachment,) = message.iter_attachments()

    assert kinds == ["multipart/mixed", "multipart/alternative", "text/plain", "text/html", "application/pdf"]
    assert attachment.get_filename() == "receipt-US-2026-000123.pdf"
    assert attachment.get_content() == PDF


def test_the_headers_say_who_when_and_that_no_person_typed_it():
    message = composed(us_receipt())

    assert message["Subject"] == "Thank you for your gift to Open Harbor (receipt US-2026-000123)"
    assert message["From"] == "Open Harbor <giving@example.org>"
    assert message["To"] == "margaret@example.com"
    assert message["Reply-To"] == "giving@example.org"
    assert message["Date"] == "Wed, 04 Mar 2026 09:30:00 +0000"
    assert message["Message-ID"] == "<rcp_1@example.org>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Content-Language"] == "en"
    assert message["List-Unsubscribe"] is None


def test_the_plain_text_alone_tells_the_whole_gift():
    text = text_part(composed(us_receipt()))

    for said in (
        "Dear Margaret O’Sullivan,",
        "Your gift of $257.50 reached us on March 3, 2026",
        "Safe passage: $200.00",
        "Added to cover processing costs: $7.50",
        "Given in honor of Grandma Rose.",
        "Receipt number: US-2026-000123",
        "Visa ending 4242",
        "No goods or services were provided in exchange for this contribution.",
        "reply to this letter",
        "giving@example.org",
        "Hannah Song",
    ):
        assert said in text
    assert "\n\n\n" not in text
    assert "surcharge" not in text.lower()


def test_a_korean_donor_is_thanked_in_korean():
    message = composed(korean_receipt())

    text = text_part(message)

    assert message["Subject"] == "후원해 주셔서 감사합니다 - 사단법인 열린항구 (문서 번호 KR-2026-000007)"
    assert message["Content-Language"] == "ko"
    for said in (
        "김영희 님께",
        "안전한 길: ₩50,000",
        "문서 번호: KR-2026-000007",
        "기부금 영수증이 아닙니다",
        "박소영",
    ):
        assert said in text
    assert '<html lang="ko">' in html_part(message)
    assert "세금 신고 자료" not in text


@pytest.mark.parametrize("locale", ["en", "ko"])
def test_the_html_fetches_nothing_and_every_mark_is_closed(locale):
    html = html_part(composed(us_receipt(locale=locale)))

    reader = Reader()
    reader.feed(html)

    assert reader.open == []
    assert reader.fetched == []
    assert reader.linked == {
        "mailto:giving@example.org",
        "https://www.example.org/",
        "https://give.example.org/donate",
        "https://give.example.org/giving",
    }
    assert "prefers-color-scheme: dark" in html


class Reader(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.fetched, self.linked = [], [], set()

    def handle_starttag(self, tag, attrs):
        named = dict(attrs)
        self.fetched += [value for name, value in attrs if name in {"src", "srcset", "background"}]
        if tag in {"link", "script", "img", "iframe"} or "url(" in (named.get("style") or ""):
            self.fetched.append(tag)
        if tag == "a":
            self.linked.add(named["href"])
        if tag not in {"meta", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_same_arguments_are_the_same_bytes():
    arguments = {
        "to_address": "margaret@example.com",
        "from_address": "giving@example.org",
        "message_id": "<rcp_1@example.org>",
        "dated": datetime(2026, 3, 4, 9, 30, tzinfo=UTC),
        "pdf": PDF,
        "donate_url": "https://give.example.org/donate",
        "gifts_url": "https://give.example.org/giving",
    }

    first = letter.compose(us_receipt(), **arguments)
    second = letter.compose(us_receipt(), **arguments)

    assert first == second
    assert all(len(line) <= 998 for line in first.split(b"\r\n"))
    assert b"\n" not in first.replace(b"\r\n", b"")


@pytest.mark.parametrize(
    "name",
    [
        "Ann\r\nBcc: thief@example.com",
        "Ann\nSubject: You won",
        "<script>alert(1)</script>",
        '"><img src=x>',
        "{{ config }} {% raw %}",
        "x" * 300,
        "😀 محمد שרה 김영희",
    ],
)
@pytest.mark.parametrize("locale", ["en", "ko"])
def test_a_hostile_name_stays_a_name(name, locale):
    entity = replace(US_ENTITY, legal_name=f"Open Harbor {name}")
    plain = composed(us_receipt(locale=locale))

    message = composed(us_receipt(locale=locale, donor_name=name, dedication_name=name, entity=entity))

    assert message.keys() == plain.keys()
    assert message["Bcc"] is None
    assert message["To"] == "margaret@example.com"
    assert "<script>alert" not in html_part(message)
    assert "<img" not in html_part(message)
    assert " ".join(name.split()) in text_part(message)


@pytest.mark.parametrize("field", ["to_address", "from_address", "message_id"])
def test_a_line_break_in_an_address_is_refused(field):
    with pytest.raises(ValueError, match="may not contain linefeed"):
        composed(us_receipt(), **{field: "ann@example.com\r\nBcc: thief@example.com"})


@pytest.mark.parametrize(("locale", "said"), [("en", "each month"), ("ko", "정기후원")])
def test_the_letter_of_an_instalment_says_how_to_stop(locale, said):
    link = "https://give.example.org/monthly/signed"

    message = composed(us_receipt(locale=locale), manage_url=link)
    once = composed(us_receipt(locale=locale))

    assert said in text_part(message)
    assert link in text_part(message).splitlines()
    assert f'href="{link}"' in html_part(message)
    assert said not in text_part(once)
    assert said not in html_part(once)
