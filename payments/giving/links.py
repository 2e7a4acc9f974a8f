"""The link that opens all gifts of a donor: signed, good for an hour and for one session.

It says which donor, until when and for which address, and no name. A link that was made for another address
than the donor has now is as an old one: its mail went astray, and a stranger may hold it.
"""

import secrets
from datetime import datetime, timedelta

from payments import signed
from payments.clock import now
from payments.errors import AlmonerError
from payments.settings import settings

GOOD_FOR = timedelta(hours=1)
"""It opens names, amounts and receipts: whoever finds the mail later asks for a new one."""

_PURPOSE = b"almoner link to all gifts"


class GivingLinkNotGenuine(AlmonerError):
    """The link is not one of ours, is of another kind, or was cut off on its way."""

    def __init__(self) -> None:
        super().__init__("This link is incomplete. Please use the whole link from our mail.")


class GivingLinkOver(AlmonerError):
    """The link was genuine and opens nothing any more: too old, used, or made for another address."""

    def __init__(self) -> None:
        super().__init__("This link has expired or was used. A new one comes by mail.")


def url(donor_id: str, email: str) -> str:
    """Where this donor, who has this address, sees all gifts; new each time."""
    made = token(donor_id, email, expires_at=now() + GOOD_FOR)
    return f"{settings().public_base_url}/giving/open/{made}"


def token(donor_id: str, email: str, *, expires_at: datetime) -> str:
    """The signed part of the link."""
    said = (donor_id, f"{int(expires_at.timestamp()):x}", mark(email), secrets.token_hex(8))
    return signed.sign(".".join(said), purpose=_PURPOSE)


def read(of_token: str) -> tuple[str, str]:
    """The donor whom a token is for, and the mark of the address it was made for. Raises
    `GivingLinkNotGenuine` or `GivingLinkOver`."""
    try:
        donor_id, expires, marked, _ = signed.read(of_token, purpose=_PURPOSE).split(".")
    except signed.NotSigned:
        raise GivingLinkNotGenuine from None
    if int(expires, 16) < now().timestamp():
        raise GivingLinkOver
    return donor_id, marked


def mark(email: str) -> str:
    """An address as a few letters that tell nobody which."""
    return signed.mark(email, purpose=_PURPOSE)


def is_marked(with_mark: str, email: str) -> bool:
    """Whether the mark is this address's."""
    return signed.is_marked(with_mark, email, purpose=_PURPOSE)
