"""To the mail server and back, with what it answered in three words: sent, refused, or not now."""

import smtplib
import ssl
from email.utils import parseaddr
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, unquote, urlsplit

from payments.errors import AlmonerError, TryLater
from payments.mail.privacy import is_private
from payments.settings import settings

_TIMEOUT_SECONDS = 20.0
_LONGEST_SECONDS = 60.0
"""Well within the lease of a mail."""
_PERMANENT = 500


class MailRefused(AlmonerError):
    """The server will never take this mail (5xx); the message is its status code."""


class MailDelayed(TryLater):
    """The server did not take it now: away, busy, or cut off. It may even have taken it."""


class MailServerInTheOpen(MailDelayed):
    """We are to sign in, and the server offers no encryption; the password was not sent."""

    def __init__(self) -> None:
        super().__init__("no encryption is offered, so no password was sent; see SMTP_URL")


class MailServer:
    """One connection for a run of mails; `SMTP_URL` says where, and in `?timeout=` for how many seconds an
    answer is waited for; encrypted wherever the server can."""

    def __init__(self, url: str, *, sender: str) -> None:
        self._url = urlsplit(url)
        asked = parse_qs(self._url.query).get("timeout", [])
        self._patience = min(float(asked[0]), _LONGEST_SECONDS) if asked else _TIMEOUT_SECONDS
        self._sender = parseaddr(sender)[1]
        """Where a server sends what it could not deliver: the envelope's sender."""
        self._connection: smtplib.SMTP | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._hang_up()

    def send(self, to_address: str, message: bytes, *, message_id: str = "") -> None:
        """Hand over one message, or raise `MailRefused` or `MailDelayed`. A server that can is asked to name
        `message_id` when the mail comes back (RFC 3461)."""
        try:
            connection = self._connected()
            options = _asked_to_report(message_id) if message_id and connection.has_extn("dsn") else ((), ())
            connection.sendmail(self._sender, [to_address], message, *options)
        except smtplib.SMTPRecipientsRefused as refusal:
            code, _ = next(iter(refusal.recipients.values()))
            self._judge(code, refusal)
        except smtplib.SMTPDataError as refusal:
            self._judge(refusal.smtp_code, refusal)
        except (smtplib.SMTPException, OSError) as trouble:
            # A refusal of the greeting, of our name or of the sign-in is the server's trouble with
            # us, not with this donor's address.
            self._hang_up()
            raise MailDelayed(type(trouble).__name__) from trouble

    def _judge(self, code: int, refusal: Exception) -> None:
        self._hang_up()
        # Only the number: the server's words often repeat the address.
        raise (MailRefused if code >= _PERMANENT else MailDelayed)(str(code)) from refusal

    def _connected(self) -> smtplib.SMTP:
        if self._connection is None:
            self._connection = self._connect()
        return self._connection

    def _connect(self) -> smtplib.SMTP:
        host, port = self._url.hostname or "localhost", self._url.port
        if self._url.scheme == "smtps":
            connection: smtplib.SMTP = smtplib.SMTP_SSL(
                host, port or 465, timeout=self._patience, context=ssl.create_default_context()
            )
        else:
            connection = smtplib.SMTP(host, port or 25, timeout=self._patience)
        try:
            connection.ehlo()
            if self._url.scheme == "smtp" and connection.has_extn("starttls"):
                connection.starttls(context=ssl.create_default_context())
                connection.ehlo()
            if self._url.username:
                if connection.sock is None or not is_private(connection.sock):
                    raise MailServerInTheOpen
                connection.login(unquote(self._url.username), unquote(self._url.password or ""))
        except BaseException:
            connection.close()
            raise
        return connection

    def _hang_up(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _asked_to_report(message_id: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """To report failures alone, with the head of the mail instead of the whole, and to name our id."""
    named = "".join(
        character if character.isalnum() or character in "-._@:" else f"+{ord(character):02X}"
        for character in message_id.strip("<>")
    )
    return ("RET=HDRS", f"ENVID={named}"), ("NOTIFY=FAILURE",)


def mail_server() -> MailServer:
    """The configured server, not yet connected."""
    return MailServer(
        settings().smtp_url.get_secret_value(), sender=settings().mail_return_path or settings().mail_from
    )
