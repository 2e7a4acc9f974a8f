"""A mail as it goes over the wire: who, when, and the same words once as plain text and once as HTML.

The same arguments give the same bytes, so a mail may be written again without becoming another one. They are
the bytes that the standard library writes, which reads every header it is given like a stranger's mail: ten
times the work of the letter itself. So only headers that need its art, such as one in Korean or one that is
too long for its line, are left to it.
"""

import hashlib
import re
from binascii import b2a_base64
from dataclasses import dataclass
from datetime import datetime
from email.policy import SMTP
from email.quoprimime import body_encode
from email.utils import format_datetime, quote
from functools import lru_cache

from payments.mail import postmark
from payments.settings import settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """What stands around the words. `message_id` carries its angle brackets and `dated` its zone. A line
    break in an address raises ValueError: headers cannot be smuggled in."""

    subject: str
    from_address: str
    to_address: str
    reply_to: str
    message_id: str
    dated: datetime
    language: str
    unsubscribe_url: str = ""
    """Of a letter to readers of a list: where the mail program's own button stops it (RFC 8058)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A PDF that travels with the words."""

    name: str
    pdf: bytes


def write(envelope: Envelope, *, text: str, html: str, attachment: Attachment | None = None) -> bytes:
    """The whole message, marked as written by no person."""
    headers = [
        _header("Subject", envelope.subject, _WORDS),
        _header("From", envelope.from_address, _ADDRESS),
        _header("To", envelope.to_address, _ADDRESS),
        _header("Reply-To", envelope.reply_to, _ADDRESS),
        f"Date: {format_datetime(envelope.dated)}\r\n",
        _header("Message-ID", envelope.message_id, _MESSAGE_ID),
        "Auto-Submitted: auto-generated\r\n",
    ]
    if envelope.unsubscribe_url:
        headers += _one_click(envelope.unsubscribe_url)
    if settings().mail_provider == "postmark":
        # It would write a Message-ID of its own, another one for every try.
        headers.append("X-PM-KeepID: true\r\n")
        headers.append(_header(f"X-PM-Metadata-{postmark.METADATA}", envelope.message_id.strip("<>"), _WORDS))
    # From the Message-ID and not by chance, because bytes must repeat.
    boundary = f"=_{hashlib.sha256(envelope.message_id.encode()).hexdigest()[:32]}_"
    if attachment is None:
        kind, parts = _in_both_ways(text, html, boundary=f"{boundary}0")
    else:
        inner, words = _in_both_ways(text, html, boundary=f"{boundary}1")
        kind, parts = _multipart(
            "mixed", [inner.encode() + b"\r\n" + words, _attached(attachment)], boundary=f"{boundary}0"
        )
    language = _header("Content-Language", envelope.language, _WORDS)
    return "".join([*headers, _MIME_VERSION, kind, language, "\r\n"]).encode() + parts


def _in_both_ways(text: str, html: str, *, boundary: str) -> tuple[str, bytes]:
    """The header and the body of the words as text and as HTML, of which a reader sees the last it can."""
    plain, rich = _words("plain", text), _words("html", html, more=_MIME_VERSION)
    return _multipart("alternative", [plain, rich], boundary=boundary)


def _multipart(subtype: str, parts: list[bytes], *, boundary: str) -> tuple[str, bytes]:
    between = f"\r\n--{boundary}\r\n".encode()
    body = f"--{boundary}\r\n".encode() + between.join(parts) + f"\r\n--{boundary}--\r\n".encode()
    kind = f"Content-Type: multipart/{subtype};"
    where = f' boundary="{boundary}"'
    fits = len(kind) + len(where) <= _LINE
    return f"{kind}{where}\r\n" if fits else f"{kind}\r\n{where}\r\n", body


def _words(subtype: str, words: str, *, more: str = "") -> bytes:
    """A part of text, in the lightest way in which its lines can travel."""
    lines = f"{words}\n".encode().splitlines()
    body = b"\r\n".join(lines) + b"\r\n"
    if max(map(len, lines)) <= _LINE:
        way = "7bit" if body.isascii() else "8bit"
    else:
        way = _way_of_long(lines)
        body = _quoted(lines) if way == "quoted-printable" else _base64(body)
    kind = f'Content-Type: text/{subtype}; charset="utf-8"\r\nContent-Transfer-Encoding: {way}\r\n'
    return f"{kind}{more}\r\n".encode() + body


def _way_of_long(lines: list[bytes]) -> str:
    """Whichever makes the first ten lines shorter."""
    begins = b"\r\n".join(lines[:10]) + b"\r\n"
    quoted = body_encode(begins.decode("latin-1"), _LINE)
    return "base64" if len(quoted) > len(b2a_base64(begins)) else "quoted-printable"


def _quoted(lines: list[bytes]) -> bytes:
    return body_encode((b"\n".join(lines) + b"\n").decode("latin-1"), _LINE, eol="\r\n").encode()


def _base64(body: bytes) -> bytes:
    pieces = (body[at : at + _BASE64_LINE] for at in range(0, len(body), _BASE64_LINE))
    return b"".join(b2a_base64(piece, newline=False) + b"\r\n" for piece in pieces)


def _attached(attachment: Attachment) -> bytes:
    where = _by_the_library("Content-Disposition", f'attachment; filename="{quote(attachment.name)}"')
    kind = "Content-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n"
    return f"{kind}{where}{_MIME_VERSION}\r\n".encode() + _base64(attachment.pdf)


def _one_click(url: str) -> list[str]:
    """Both headers of RFC 8058. The library would encode a long address as words; a line may be that long."""
    if not _URL.fullmatch(url):
        raise ValueError("List-Unsubscribe needs a plain http(s) address")
    return [
        f"List-Unsubscribe: <{url}>\r\n",
        "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n",
    ]


def _header(name: str, value: str, simple: re.Pattern[str]) -> str:
    """One header. What `simple` matches and one line can take is written as it is."""
    if len(name) + len(value) + 2 <= _LINE and simple.fullmatch(value):
        return f"{name}: {value}\r\n"
    return _by_the_library(name, value)


@lru_cache(maxsize=256)
def _by_the_library(name: str, value: str) -> str:
    """Encoded and folded; refused with ValueError where a line break would begin another header, and where it
    cannot be said in ASCII. The library itself sees neither a break at the very end nor one that it has just
    decoded from an encoded word."""
    folded: str = SMTP.fold(*SMTP.header_store_parse(name, value))
    if _BREAKS_OUT.search(folded.removesuffix("\r\n")):
        raise ValueError(f"{name} may not contain linefeed or carriage return characters")
    return folded.encode("ascii").decode()


_LINE = 78
"""SMTP.max_line_length: the longest line that is written."""
_BASE64_LINE = _LINE // 4 * 3
_MIME_VERSION = "MIME-Version: 1.0\r\n"
_BREAKS_OUT = re.compile(r"\r(?!\n)|(?<!\r)\n|\n(?![ \t])")
"""Any line break but those between the lines of one header."""
_WORDS = re.compile(r"(?!.*=\?)[!-~]+( [!-~]+)*", re.ASCII)
_ADDRESS = re.compile(r"[\w+-]+(\.[\w+-]+)*@[\w-]+(\.[\w-]+)+", re.ASCII)
_URL = re.compile(r"https?://[!-;=?-~]{1,900}", re.ASCII)
_MESSAGE_ID = re.compile(r"<[\w-]+(\.[\w-]+)*@[\w-]+(\.[\w-]+)*>", re.ASCII)
