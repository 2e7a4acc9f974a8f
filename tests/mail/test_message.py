"""A mail on the wire is byte for byte what the standard library would write of it."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from payments.mail import message
from payments.mail.message import Attachment, Envelope

A_YEAR = Envelope(
    subject="What you gave in 2026",
    from_address="Almoner <giving@example.org>",
    to_address="ada@example.com",
    reply_to="giving@lanternpath.example",
    message_id="<monthly.0123456789abcdef0123456789abcdef@example.org>",
    dated=datetime(2027, 1, 6, 12, 0, tzinfo=UTC),
    language="en",
)


def by_the_library(
    envelope: Envelope, *, text: str, html: str, attachment: Attachment | None = None, postmark: bool = False
) -> bytes:
    """The same mail, written by `email` from its first header to its last boundary."""
    letter = EmailMessage(policy=SMTP)
    letter["Subject"] = envelope.subject
    letter["From"] = envelope.from_address
    letter["To"] = envelope.to_address
    letter["Reply-To"] = envelope.reply_to
    letter["Date"] = format_datetime(envelope.dated)
    letter["Message-ID"] = envelope.message_id
    letter["Auto-Submitted"] = "auto-generated"
    if postmark:
        letter["X-PM-KeepID"] = "true"
        letter["X-PM-Metadata-mail"] = envelope.message_id.strip("<>")
    letter.set_content(text + "\n")
    letter.add_alternative(html + "\n", subtype="html")
    if attachment is not None:
        letter.add_attachment(attachment.pdf, maintype="application", subtype="pdf", filename=attachment.name)
    letter["Content-Language"] = envelope.language
    seed = hashlib.sha256(envelope.message_id.encode()).hexdigest()[:32]
    for place, part in enumerate(part for part in letter.walk() if part.is_multipart()):
        part.set_boundary(f"=_{seed}_{place}")
    return letter.as_bytes()


_CHARACTERS = st.sampled_from([*'ab =?.,;:<>()"@\\\t', "\x0b", "\x0c", "\x85", "\u2028", "é", "한", "😀"])
_LINES = st.one_of(
    st.text(_CHARACTERS, max_size=20),
    st.just("ends in a break\n"),
    st.builds(
        lambda word, often: word * often, st.sampled_from(["word ", "말 ", "=", "x"]), st.integers(0, 99)
    ),
)
_BODIES = st.builds(
    lambda lines, end: end.join(lines), st.lists(_LINES, max_size=14), st.sampled_from(["\n", "\r\n", "\r"])
)
_ADDRESSES = st.one_of(
    st.sampled_from(
        [
            "ada@example.com",
            "a.b+c_d-e@sub.x-y.example",
            "o'neil@x.example",
            "Almoner <giving@example.org>",
            '"Park, Ada" <a@x.example>',
            "김영희 <kim@x.example>",
            "a@localhost",
            f"{'a' * 40}@{'b' * 40}.example",
            "a..b@x.example",
            "giving@büro.example",
            "nobody",
        ]
    ),
)
_ENVELOPES = st.builds(
    Envelope,
    subject=st.one_of(_LINES.map(str.rstrip), st.integers(60, 80).map(lambda length: "x" * length)),
    from_address=_ADDRESSES,
    to_address=_ADDRESSES,
    reply_to=_ADDRESSES,
    message_id=st.sampled_from(
        [
            A_YEAR.message_id,
            "<rcp_1@example.org>",
            "<a@localhost>",
            f"<{'m' * 90}@example.org>",
            "none",
            "<m@büro.example>",
        ]
    ),
    dated=st.integers(-12, 12).map(
        lambda hours: datetime(2027, 1, 6, 12, tzinfo=timezone(timedelta(hours=hours)))
    ),
    language=st.sampled_from(["en", "ko"]),
)
_ATTACHMENTS = st.one_of(
    st.none(),
    st.builds(
        Attachment,
        name=st.sampled_from(
            ["receipt-US-2026-000001.pdf", f"{'r' * 40}.pdf", f"{'r' * 90}.pdf", 'a "b" \\.pdf', "영수증.pdf"]
        ),
        pdf=st.binary(max_size=200),
    ),
)


@given(envelope=_ENVELOPES, text=_BODIES, html=_BODIES, attachment=_ATTACHMENTS)
@example(envelope=A_YEAR, text="", html="", attachment=None)
@example(envelope=A_YEAR, text="x" * 78, html="x" * 79, attachment=None)
@example(envelope=A_YEAR, text="말" * 26, html="말" * 27, attachment=None)
@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
def test_a_mail_is_what_the_library_writes(
    envelope: Envelope, text: str, html: str, attachment: Attachment | None
) -> None:
    expected = _or_refusal(lambda: by_the_library(envelope, text=text, html=html, attachment=attachment))

    written = _or_refusal(lambda: message.write(envelope, text=text, html=html, attachment=attachment))

    assert written == expected


def _or_refusal(write: Callable[[], bytes]) -> bytes | str:
    try:
        return write()
    except ValueError as refusal:
        return str(refusal)


def test_a_mail_by_postmark_keeps_its_id(with_settings: Callable[..., None]) -> None:
    with_settings(mail_provider="postmark", mail_webhook_secret="p" * 16)

    written = message.write(A_YEAR, text="Hello", html="<p>Hello</p>")

    assert written == by_the_library(A_YEAR, text="Hello", html="<p>Hello</p>", postmark=True)


@pytest.mark.parametrize("smuggled", ["\r\nBcc: thief@example.com", "\nBcc: thief@example.com", "\r\n\r\nHi"])
@pytest.mark.parametrize(
    "field", ["subject", "from_address", "to_address", "reply_to", "message_id", "language"]
)
def test_nothing_can_be_smuggled_into_the_headers(field: str, smuggled: str) -> None:
    envelope = replace(A_YEAR, **{field: getattr(A_YEAR, field) + smuggled})

    with pytest.raises(ValueError, match="may not contain linefeed"):
        message.write(envelope, text="Hello", html="<p>Hello</p>")


@pytest.mark.parametrize(
    "smuggled",
    [
        "=?utf-8?q?=0D=0ABcc:_thief@example.com?=",
        "=?utf-8?b?DQpCY2M6IHRoaWVmQGV4YW1wbGUuY29t?=",
        "Hello\n",
        "Hello\r",
    ],
)
def test_nor_where_the_library_would_not_see_it(smuggled: str) -> None:
    with pytest.raises(ValueError, match="may not contain linefeed"):
        message.write(replace(A_YEAR, subject=smuggled), text="Hello", html="<p>Hello</p>")


def test_a_letter_to_readers_can_be_stopped_by_the_mail_programs_own_button() -> None:
    long = f"https://give.example.org/newsletter/stop/{'x' * 90}"

    written = message.write(replace(A_YEAR, unsubscribe_url=long), text="", html="")

    # On one line however long: folded, or encoded as words, it would be no address any more.
    assert f"\r\nList-Unsubscribe: <{long}>\r\n".encode() in written
    assert b"\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in written
    assert b"List-Unsubscribe" not in message.write(A_YEAR, text="", html="")


@pytest.mark.parametrize("smuggled", ["\r\nBcc: x@example.com", " x", ">, <mailto:x@example.com", "é", ""])
def test_only_a_plain_address_stops_a_letter(smuggled: str) -> None:
    url = f"https://give.example.org/stop{smuggled}" if smuggled else "mailto:x@example.com"

    with pytest.raises(ValueError, match="List-Unsubscribe"):
        message.write(replace(A_YEAR, unsubscribe_url=url), text="", html="")
