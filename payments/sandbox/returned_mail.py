"""What other mail servers send back: that nobody was there, or that somebody complained.

For mail to `bounce@…` and `complain@…`, also with a suffix such as `bounce+2@…`. The reports are as RFC 3464
and RFC 5965 have them, and lie in a Maildir.
"""

import mailbox
import re
import secrets
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

_SAYS = re.compile(r"(bounce|complain)(\+[^@]*)?@", re.IGNORECASE)


class Returns:
    """The mailbox to which reports go."""

    def __init__(self, folder: Path) -> None:
        self._folder = mailbox.Maildir(folder, factory=None, create=True)

    def consider(self, raw: bytes, *, recipients: list[str]) -> None:
        """Report on this mail if one of its addresses asks for it."""
        for address in recipients:
            asks = _SAYS.match(address)
            if asks is not None:
                write = bounce if asks[1].lower() == "bounce" else complaint
                self._folder.add(write(raw, address))


def bounce(raw: bytes, address: str, *, action: str = "failed", status: str = "5.1.1") -> bytes:
    """The mail could not be delivered, or only later."""
    machine = (
        "Reporting-MTA: dns; mail-inbox\n"
        f"\nFinal-Recipient: rfc822; {address}\nAction: {action}\nStatus: {status}\n"
        f"Diagnostic-Code: smtp; 550 {status} No such mailbox here\n"
    )
    return _report("delivery-status", "Undelivered Mail Returned to Sender", machine, raw)


def complaint(raw: bytes, _address: str) -> bytes:
    """Its reader called it unwanted. Such reports hide the address."""
    return _report(
        "feedback-report", "Abuse report", "Feedback-Type: abuse\nUser-Agent: mail-inbox/1\nVersion: 1\n", raw
    )


def _report(kind: str, subject: str, machine: str, raw: bytes) -> bytes:
    head, _, _ = raw.replace(b"\r\n", b"\n").partition(b"\n\n")
    edge = secrets.token_hex(12)
    return f"""\
From: Mail Delivery System <mailer-daemon@mail-inbox>
To: returned@mail-inbox
Subject: {subject}
Date: {format_datetime(datetime.now(UTC))}
MIME-Version: 1.0
Content-Type: multipart/report; report-type={kind}; boundary="{edge}"

--{edge}
Content-Type: text/plain; charset=us-ascii

This is the mail system. What follows is for machines.

--{edge}
Content-Type: message/{kind}

{machine}
--{edge}
Content-Type: text/rfc822-headers

{head.decode("ascii", "replace")}

--{edge}--
""".encode()
