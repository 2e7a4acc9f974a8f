"""Two signed links: one confirms one question for a week, the other stops the newsletter for ever.

Neither holds an address, and neither opens anything else. Whoever holds the mail may use them, without a
login. The one that stops never ends: a letter may be found years later, and its reader has had enough.
"""

from datetime import datetime, timedelta

from payments import signed
from payments.clock import now
from payments.errors import AlmonerError
from payments.settings import settings

GOOD_FOR = timedelta(days=7)
"""As long as an address that nobody confirms is kept."""

_PURPOSE = b"almoner newsletter link"


class NewsletterLinkNotGenuine(AlmonerError):
    """The link is not one of ours, is of another kind, or was cut off on its way."""

    def __init__(self) -> None:
        super().__init__("This link is incomplete. Please use the whole link from our mail.")


class NewsletterLinkExpired(AlmonerError):
    """The link is too old, or something newer was said since: it confirms nothing any more."""

    def __init__(self) -> None:
        super().__init__("This link has expired. Type your address once more, and a new one comes by mail.")


def confirm_url(question: int, *, locale: str) -> str:
    """Where this question is answered."""
    token = confirm_token(question, expires_at=now() + GOOD_FOR)
    return f"{settings().public_base_url}/newsletter/confirm/{token}?lang={locale}"


def stop_url(reader_id: str) -> str:
    """Where this reader stops it, with one click or by the mail program itself."""
    return f"{settings().public_base_url}/newsletter/stop/{stop_token(reader_id)}"


def confirm_token(question: int, *, expires_at: datetime) -> str:
    """The signed part of the link that confirms."""
    return _signed(f"confirm.{question}.{int(expires_at.timestamp()):x}")


def stop_token(reader_id: str) -> str:
    """The signed part of the link that stops."""
    return _signed(f"stop.{reader_id}")


def question_of(token: str) -> int:
    """The question that a link confirms. Raises `NewsletterLinkNotGenuine` or `NewsletterLinkExpired`."""
    question, expires = _read(token, "confirm").split(".")
    if int(expires, 16) < now().timestamp():
        raise NewsletterLinkExpired
    return int(question)


def reader_of(token: str) -> str:
    """The reader whom a link stops. Raises `NewsletterLinkNotGenuine`."""
    return _read(token, "stop")


def _signed(said: str) -> str:
    return signed.sign(said, purpose=_PURPOSE)


def _read(token: str, kind: str) -> str:
    try:
        said = signed.read(token, purpose=_PURPOSE)
    except signed.NotSigned:
        raise NewsletterLinkNotGenuine from None
    if not said.startswith(f"{kind}."):
        raise NewsletterLinkNotGenuine
    return said.removeprefix(f"{kind}.")
