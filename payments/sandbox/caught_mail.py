"""Mail as it was caught: kept on disk as it came, read for people, and described as Mailpit does."""

import email
import email.policy
import email.utils
import html
import json
import mimetypes
import os
import re
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage, MIMEPart
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Part:
    """One leaf of a message's tree, numbered by its place in the tree."""

    number: str
    message: MIMEPart

    @property
    def content(self) -> bytes:
        payload = self.message.get_payload(decode=True)
        return payload if isinstance(payload, bytes) else b""

    @property
    def content_type(self) -> str:
        return self.message.get_content_type()

    @property
    def file_name(self) -> str:
        known = self.message.get_filename()
        return known or f"part-{self.number}{mimetypes.guess_extension(self.content_type) or ''}"

    @property
    def content_id(self) -> str:
        return str(self.message.get("Content-ID", "")).strip("<> ")

    @property
    def is_attachment(self) -> bool:
        if self.message.get_content_disposition() == "attachment":
            return True
        return not self.content_id and (
            self.content_type not in {"text/plain", "text/html"} or self.message.get_filename() is not None
        )

    @property
    def is_inline(self) -> bool:
        return not self.is_attachment and bool(self.content_id)


@dataclass
class Mail:
    """One message as it came, and what its envelope said."""

    id: str
    raw: bytes
    created: datetime
    sender: str
    recipients: list[str]
    is_read: bool = False
    message: EmailMessage = field(init=False)

    def __post_init__(self) -> None:
        self.message = email.message_from_bytes(self.raw, policy=email.policy.default)

    @property
    def subject(self) -> str:
        return header(self.message, "Subject")

    @property
    def message_id(self) -> str:
        return header(self.message, "Message-ID").strip("<> ")

    @property
    def parts(self) -> list[Part]:
        return list(leaves(self.message))

    @property
    def attachments(self) -> list[Part]:
        return [part for part in self.parts if part.is_attachment]

    @property
    def text(self) -> str:
        return body(self.message, "plain")

    @property
    def html(self) -> str:
        return body(self.message, "html")

    @property
    def snippet(self) -> str:
        source = self.text or html.unescape(
            re.sub(r"(?s)<(style|script|head).*?</\1>|<[^>]+>", " ", self.html)
        )
        return " ".join(source.split())[:250]

    @property
    def searchable(self) -> str:
        addresses = [
            person["Address"] for name in ("From", "To", "Cc") for person in people(self.message, name)
        ]
        return " ".join([*addresses, *self.recipients, self.subject, self.text]).lower()

    @property
    def blind_recipients(self) -> list[dict[str, str]]:
        named = {person["Address"].lower() for name in ("To", "Cc") for person in people(self.message, name)}
        return [{"Name": "", "Address": to} for to in self.recipients if to.lower() not in named]


class Mailbox:
    """All mail, newest first; on disk before the sender is told so."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._mails = {path.stem: self._read(path) for path in sorted(folder.glob("*.eml"))}

    def __iter__(self) -> Iterator[Mail]:
        return reversed(list(self._mails.values()))

    def __len__(self) -> int:
        return len(self._mails)

    @property
    def unread(self) -> int:
        return sum(not mail.is_read for mail in self)

    def find(self, id: str) -> Mail | None:
        """By its id, or the newest as `latest`."""
        return next(iter(self), None) if id == "latest" else self._mails.get(id)

    def add(self, raw: bytes, *, sender: str, recipients: list[str]) -> Mail:
        created = datetime.now(UTC)
        id = f"{time.time_ns():016x}{secrets.token_hex(3)}"
        mail = Mail(id, raw, created, sender, recipients)
        self._note(mail)
        self._write(f"{id}.eml", raw)
        self._mails[id] = mail
        return mail

    def mark(self, mail: Mail, *, is_read: bool) -> None:
        if mail.is_read != is_read:
            mail.is_read = is_read
            self._note(mail)

    def remove(self, ids: list[str]) -> None:
        """Remove these messages; all of them when none is named, as Mailpit does."""
        for id in ids or list(self._mails):
            if self._mails.pop(id, None) is not None:
                (self.folder / f"{id}.eml").unlink(missing_ok=True)
                (self.folder / f"{id}.json").unlink(missing_ok=True)

    def _read(self, path: Path) -> Mail:
        try:
            note: dict[str, Any] = json.loads(path.with_suffix(".json").read_text())
        except (OSError, ValueError):
            note = {}
        changed = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        created = datetime.fromisoformat(note["created"]) if "created" in note else changed
        recipients = note.get("recipients", [])
        return Mail(
            path.stem, path.read_bytes(), created, note.get("sender", ""), recipients, note.get("read", False)
        )

    def _note(self, mail: Mail) -> None:
        note = {"created": mail.created.isoformat(), "sender": mail.sender, "recipients": mail.recipients}
        self._write(f"{mail.id}.json", json.dumps({**note, "read": mail.is_read}).encode())

    def _write(self, name: str, content: bytes) -> None:
        draft = self.folder / f"{name}.draft"
        draft.touch(mode=0o600)
        with draft.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self.folder / name)


def leaves(message: MIMEPart, number: str = "") -> Iterator[Part]:
    """Every part that holds content, in reading order."""
    if not message.is_multipart():
        yield Part(number or "1", message)
        return
    for place, child in enumerate(message.iter_parts(), start=1):
        yield from leaves(child, f"{number}.{place}" if number else str(place))


def body(message: EmailMessage, kind: str) -> str:
    found = message.get_body((kind,))
    if found is None:
        return ""
    try:
        return str(found.get_content())
    except (LookupError, ValueError, KeyError):  # a character set that does not exist
        payload = found.get_payload(decode=True)
        return payload.decode(errors="replace") if isinstance(payload, bytes) else ""


def header(message: EmailMessage, name: str) -> str:
    return " ".join(str(message.get(name, "")).split())


def people(message: EmailMessage, name: str) -> list[dict[str, str]]:
    """The addresses of a header as Mailpit writes them."""
    values = [str(value) for value in message.get_all(name, [])]
    return [{"Name": who, "Address": address} for who, address in email.utils.getaddresses(values) if address]


def summary(mail: Mail) -> dict[str, Any]:
    """A message in Mailpit's list."""
    return {
        **_envelope(mail),
        "Read": mail.is_read,
        "Created": mail.created.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "Attachments": len(mail.attachments),
        "Snippet": mail.snippet,
    }


def detail(mail: Mail) -> dict[str, Any]:
    """A message by itself, as Mailpit answers it."""
    sent = mail.message.get("Date")
    when = getattr(sent, "datetime", None) or mail.created
    unsubscribe = header(mail.message, "List-Unsubscribe")
    return {
        **_envelope(mail),
        "ReturnPath": mail.sender,
        "Date": when.isoformat().replace("+00:00", "Z"),
        "ListUnsubscribe": {
            "Header": unsubscribe,
            "Links": re.findall(r"<([^>]+)>", unsubscribe),
            "Errors": "",
            "HeaderPost": header(mail.message, "List-Unsubscribe-Post"),
        },
        "Text": mail.text,
        "HTML": mail.html,
        "Inline": [_attachment(part) for part in mail.parts if part.is_inline],
        "Attachments": [_attachment(part) for part in mail.attachments],
    }


def _envelope(mail: Mail) -> dict[str, Any]:
    named = {"To": "To", "Cc": "Cc", "ReplyTo": "Reply-To"}
    return {
        "ID": mail.id,
        "MessageID": mail.message_id,
        "From": next(iter(people(mail.message, "From")), None),
        **{name: people(mail.message, source) for name, source in named.items()},
        "Bcc": mail.blind_recipients,
        "Subject": mail.subject,
        "Tags": [],
        "Username": "",
        "Size": len(mail.raw),
    }


def _attachment(part: Part) -> dict[str, Any]:
    return {
        "PartID": part.number,
        "FileName": part.file_name,
        "ContentType": part.content_type,
        "ContentID": part.content_id,
        "Size": len(part.content),
    }
