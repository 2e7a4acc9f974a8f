"""Reports as mail servers write them: RFC 3464 when a mail came back, RFC 5965 when somebody complained.

Anybody can write to the mailbox these are read from, so nothing in one is trusted but the Message-ID of a
mail of ours, which nobody can guess.
"""

import hashlib
import re
from collections.abc import Iterator
from email import message_from_bytes, message_from_string
from email.message import Message
from email.utils import parseaddr

from payments.mail.reports import Report, ReportKind

_STATUS = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")
_COMPLAINTS = {"abuse", "fraud", "opt-out", "opt-out-list", "virus", "other"}
_LONGEST_CODE = 40


def read(raw: bytes) -> list[Report] | None:
    """What a letter reports of mails: nothing where one is only late, and None where it is no report but a
    letter for a person. `raw` may be cut off at its end."""
    letter = message_from_bytes(raw)
    if letter.get_content_type() != "multipart/report":
        return None
    original = _original(letter)
    key = f"mailbox:{hashlib.sha256(raw).hexdigest()}"
    match str(letter.get_param("report-type", "")).lower():
        case "delivery-status":
            blocks = _blocks(letter, "message/delivery-status")
            about = _message_id(original) or _envelope_id(blocks)
            failed = [block for block in blocks if _word(block, "Action") == "failed"]
            kind, code = ReportKind.BOUNCED, _status(failed[0]) if failed else None
        case "feedback-report":
            blocks = _blocks(letter, "message/feedback-report")
            about = _message_id(original)
            said = next((_word(block, "Feedback-Type") for block in blocks), "")
            kind, code = ReportKind.COMPLAINED, said if said in _COMPLAINTS else None
        case _:
            return None
    if about is None:
        return None
    if code is None:
        return []
    to_address = parseaddr(str(original.get("To", "")))[1] if original is not None else ""
    return [
        Report(
            kind=kind, message_id=about, to_address=to_address or None, code=code, source="mailbox", key=key
        )
    ]


def _blocks(letter: Message, content_type: str) -> list[Message]:
    """The groups of fields of the machine's part."""
    return [
        block
        for part in letter.walk()
        if part.get_content_type() == content_type
        for block in _messages_in(part)
    ]


def _messages_in(part: Message) -> Iterator[Message]:
    inside = part.get_payload()
    if isinstance(inside, list):
        yield from (each for each in inside if isinstance(each, Message))
    elif isinstance(inside, str):
        yield message_from_string(inside)


def _original(letter: Message) -> Message | None:
    """The head of the mail that is meant, which the report brings back."""
    for part in letter.walk():
        if part.get_content_type() in {"message/rfc822", "text/rfc822-headers", "message/rfc822-headers"}:
            return next(_messages_in(part), None)
    return None


def _message_id(original: Message | None) -> str | None:
    found = re.search(r"<[^<>\s]+>", str(original.get("Message-ID", ""))) if original is not None else None
    return found[0] if found else None


def _envelope_id(blocks: list[Message]) -> str | None:
    """What we gave as ENVID with the mail (RFC 3461), where the server kept it."""
    given = next(
        (str(block["Original-Envelope-Id"]) for block in blocks if block["Original-Envelope-Id"]), ""
    )
    plain = re.sub(r"\+([0-9A-F]{2})", lambda code: chr(int(code[1], 16)), given.strip())
    return f"<{plain}>" if plain else None


def _status(block: Message) -> str:
    found = _STATUS.search(str(block.get("Status", "")))
    return found[0] if found else "failed"


def _word(block: Message, name: str) -> str:
    return str(block.get(name, "")).strip().lower()[:_LONGEST_CODE]
