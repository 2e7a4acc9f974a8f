"""The mailbox that reports come back to, `MAIL_REPORTS_URL`: IMAP, or a Maildir that a local server fills.

What was read is marked as seen. Letters that are no report are flagged too: a person answered a receipt,
and a person should read it.
"""

import imaplib
import mailbox
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import SplitResult, unquote, urlsplit

from payments.errors import TryLater
from payments.mail.privacy import is_private
from payments.settings import settings

LARGEST_LETTER = 256 * 1024
"""What is read of a letter; reports carry what matters at their beginning."""
_PATIENCE_SECONDS = 20


class MailboxAway(TryLater):
    """The mailbox does not open now. The message names the trouble and nothing of the address."""


@dataclass(frozen=True, slots=True)
class Unread:
    """A letter that nobody has seen yet."""

    name: str
    raw: bytes


class Mailbox(Protocol):
    """Where letters wait."""

    def unread(self) -> Iterator[Unread]:
        """Those not yet seen; looking does not mark them."""

    def mark_seen(self, letter: Unread, *, is_for_a_person: bool) -> None:
        """Done with this one; flagged where a person should read it."""


@contextmanager
def mailbox_of_reports() -> Iterator[Mailbox | None]:
    """The configured mailbox, open; None where there is none. Raises `MailboxAway`."""
    url = urlsplit(settings().mail_reports_url.get_secret_value())
    if not url.scheme:
        yield None
        return
    if url.scheme == "maildir":
        yield _Maildir(unquote(url.path))
        return
    try:
        connection = _signed_in(url)
    except (OSError, imaplib.IMAP4.error) as trouble:
        raise MailboxAway(type(trouble).__name__) from trouble
    try:
        yield _Imap(connection)
    except (OSError, imaplib.IMAP4.error) as trouble:
        raise MailboxAway(type(trouble).__name__) from trouble
    finally:
        connection.shutdown()


def _signed_in(url: SplitResult) -> imaplib.IMAP4:
    host, secure = url.hostname or "localhost", ssl.create_default_context()
    if url.scheme == "imaps":
        connection: imaplib.IMAP4 = imaplib.IMAP4_SSL(
            host, url.port or 993, ssl_context=secure, timeout=_PATIENCE_SECONDS
        )
    else:
        connection = imaplib.IMAP4(host, url.port or 143, timeout=_PATIENCE_SECONDS)
    try:
        if url.scheme == "imap" and "STARTTLS" in connection.capabilities:
            connection.starttls(secure)
        if not is_private(connection.sock):
            raise MailboxAway("no encryption is offered, so no password was sent; see MAIL_REPORTS_URL")
        connection.login(unquote(url.username or ""), unquote(url.password or ""))
        folder = unquote(url.path.strip("/")) or "INBOX"
        answer, _ = connection.select('"' + folder.replace("\\", "\\\\").replace('"', '\\"') + '"')
        if answer != "OK":
            raise connection.error("no such folder")
    except BaseException:
        connection.shutdown()
        raise
    return connection


class _Imap:
    def __init__(self, connection: imaplib.IMAP4) -> None:
        self._connection = connection

    def unread(self) -> Iterator[Unread]:
        _, found = self._connection.uid("SEARCH", "UNSEEN")
        for name in (found[0] or b"").split():
            _, parts = self._connection.uid("FETCH", name.decode(), f"(BODY.PEEK[]<0.{LARGEST_LETTER}>)")
            raw = next((part[1] for part in parts if isinstance(part, tuple)), None)
            if raw is not None:  # None: somebody removed it meanwhile
                yield Unread(name.decode(), raw)

    def mark_seen(self, letter: Unread, *, is_for_a_person: bool) -> None:
        flags = r"(\Seen \Flagged)" if is_for_a_person else r"(\Seen)"
        self._connection.uid("STORE", letter.name, "+FLAGS.SILENT", flags)


class _Maildir:
    def __init__(self, folder: str) -> None:
        try:
            self._folder = mailbox.Maildir(folder, factory=None, create=True)
        except OSError as trouble:
            raise MailboxAway(type(trouble).__name__) from trouble

    def unread(self) -> Iterator[Unread]:
        for name in sorted(self._folder.keys()):
            letter = self._folder.get_message(name)
            if "S" not in letter.get_flags():
                yield Unread(name, self._folder.get_bytes(name)[:LARGEST_LETTER])

    def mark_seen(self, letter: Unread, *, is_for_a_person: bool) -> None:
        seen = self._folder.get_message(letter.name)
        seen.set_subdir("cur")
        seen.set_flags("FS" if is_for_a_person else "S")
        self._folder[letter.name] = seen
