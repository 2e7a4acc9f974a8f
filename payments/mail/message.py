"""A mail as it goes over the wire: who, when, and the same words once as plain text and once as HTML.

The same arguments give the same bytes, so a mail may be written again without becoming another one.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A PDF that travels with the words."""

    name: str
    pdf: bytes


def write(envelope: Envelope, *, text: str, html: str, attachment: Attachment | None = None) -> EmailMessage:
    """The whole message, marked as written by no person."""
    letter = EmailMessage(policy=SMTP)
    letter["Subject"] = envelope.subject
    letter["From"] = envelope.from_address
    letter["To"] = envelope.to_address
    letter["Reply-To"] = envelope.reply_to
    letter["Date"] = format_datetime(envelope.dated)
    letter["Message-ID"] = envelope.message_id
    letter["Auto-Submitted"] = "auto-generated"
    if settings().mail_provider == "postmark":
        letter["X-PM-KeepID"] = "true"  # it would write a Message-ID of its own, another one for every try
        letter[f"X-PM-Metadata-{postmark.METADATA}"] = envelope.message_id.strip("<>")
    letter.set_content(text + "\n")
    letter.add_alternative(html + "\n", subtype="html")
    if attachment is not None:
        letter.add_attachment(attachment.pdf, maintype="application", subtype="pdf", filename=attachment.name)
    # Last, because adding parts moves every Content header that stands there to the first part.
    letter["Content-Language"] = envelope.language
    _fix_boundaries(letter, envelope.message_id)
    return letter


def _fix_boundaries(letter: EmailMessage, message_id: str) -> None:
    """Part boundaries from the Message-ID: the library's own are random, and bytes must repeat."""
    seed = hashlib.sha256(message_id.encode()).hexdigest()[:32]
    multiparts = (part for part in letter.walk() if part.is_multipart())
    for place, part in enumerate(multiparts):
        part.set_boundary(f"=_{seed}_{place}")
