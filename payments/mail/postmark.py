"""Reports as Postmark posts them. Its webhooks are not signed: a password in their address proves them.

https://postmarkapp.com/developer/webhooks/bounce-webhook, .../spam-complaint-webhook. Postmark gives every
mail an id of its own; ours comes back as metadata, which `message.write` sends along.
"""

from collections.abc import Mapping

from payments.mail.reports import Report, ReportKind

METADATA = "mail"
"""The key under which a mail carries its Message-ID, without angle brackets."""

FINAL = frozenset(
    {
        "BadEmailAddress",
        "Blocked",
        "DMARCPolicy",
        "DnsError",
        "HardBounce",
        "ManuallyDeactivated",
        "SMTPApiError",
        "SoftBounce",
        "SpamNotification",
        "VirusNotification",
    }
)
"""Types of bounce after which Postmark tries no more. The others are answers by machines, changes of
subscription, and `Transient`, which it tries again."""


def read(
    *, record_type: str, report_id: int, bounce_type: str, to_address: str, metadata: Mapping[str, object]
) -> Report | None:
    """What it says of a mail; None where it says nothing that matters, or names none of our mails."""
    about = metadata.get(METADATA)
    if record_type not in {"Bounce", "SpamComplaint"} or not isinstance(about, str):
        return None
    if "SpamComplaint" in {record_type, bounce_type}:
        kind = ReportKind.COMPLAINED
    elif bounce_type in FINAL:
        kind = ReportKind.BOUNCED
    else:
        return None
    return Report(
        kind=kind,
        message_id=f"<{about}>",
        to_address=to_address or None,
        code=bounce_type,
        source="postmark",
        key=f"postmark:{report_id}",
    )
