"""What the tests of the newsletter share: who types, who clicks, what the workers do, what is found."""

from collections.abc import Callable
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from payments.database import transaction
from payments.donations import organisation as charity
from payments.donations.models import Organisation
from payments.mail.letterhead import Letterhead
from payments.mail.models import OutgoingMail
from payments.staff import people
from payments.staff.models import Role, StaffMember
from payments.supporters.newsletter import asking, consent, links
from payments.supporters.newsletter.asking import Asked
from payments.supporters.newsletter.models import ConsentEntry, Reader, Source
from payments.supporters.newsletter.wording import wording
from tests.cli.conftest import almoner
from tests.pages.conftest import browser, donor_near_stripe, stripe_pages

__all__ = ["almoner", "donor_near_stripe", "stripe_pages"]

ADA = "ada@example.com"


@pytest.fixture(autouse=True)
def _no_bells(database: str, with_settings: Callable[..., None]) -> None:
    with_settings(broker_url="memory://")


@pytest.fixture
def visitor(organisation: Organisation, with_settings: Callable[..., None]) -> TestClient:
    """A browser before our pages."""
    return browser()


@pytest.fixture
def letterhead(organisation: Organisation) -> Letterhead:
    with transaction() as session:
        return charity.letterhead(session)


def somebody_types(email: str = ADA, *, locale: str = "en", source: Source = Source.BOX) -> None:
    with transaction() as session:
        agreed = wording(locale, organisation="Lantern Path")
        asking.ask(
            session,
            Asked(email=email, locale=locale, source=source, page="/newsletter", wording=agreed),
        )


def the_worker_answers() -> None:
    from workers.newsletter import answer_newsletter

    answer_newsletter()


def the_worker_tends() -> None:
    from workers.newsletter import tend_readers

    tend_readers()


def a_question(email: str = ADA, **given: str) -> str:
    """Typed and mailed: the token of the newest question."""
    somebody_types(email, **given)
    the_worker_answers()
    return newest_token(email)


def newest_token(email: str = ADA) -> str:
    confirming = [mail for mail in mails() if mail[0] == "newsletter_confirm" and mail[1] == email]
    return link_in(confirming[-1][2], "confirm")


def a_subscriber(email: str = ADA, *, locale: str = "en") -> str:
    """The id of a reader who confirmed."""
    token = a_question(email, locale=locale)
    says_yes(token, locale=locale)
    return reader(email).id


def says_yes(token: str, *, locale: str = "en") -> None:
    with transaction() as session:
        paper = charity.letterhead(session)
        consent.confirm(session, token, wording(locale, organisation=paper.name_in(locale)), paper)


def stops(reader_id: str, source: Source = Source.LETTER) -> bool:
    with transaction() as session:
        return consent.stop(session, reader_id, source, charity.letterhead(session))


def reader(email: str = ADA) -> Reader:
    with transaction() as session:
        return session.scalars(select(Reader).where(Reader.email == email)).one()


def is_known(email: str = ADA) -> bool:
    with transaction() as session:
        return session.scalar(select(Reader.id).where(Reader.email == email)) is not None


def log() -> list[ConsentEntry]:
    with transaction() as session:
        return list(session.scalars(select(ConsentEntry).order_by(ConsentEntry.id)))


def words() -> list[tuple[str, str]]:
    return [(entry.said, entry.source) for entry in log()]


def mails() -> list[tuple[str, str, bytes]]:
    """What each letter is, where it goes, and the letter."""
    with transaction() as session:
        rows = session.scalars(select(OutgoingMail).order_by(OutgoingMail.queued_at, OutgoingMail.id)).all()
        ours = [row for row in rows if row.reference.startswith("newsletter_")]
        ours.sort(key=lambda row: int(row.reference.partition(":")[2]))
        return [(row.reference.partition(":")[0], row.to_address, row.message) for row in ours]


def letter(written: bytes) -> EmailMessage:
    parsed = message_from_bytes(written, policy=default)
    assert isinstance(parsed, EmailMessage)
    return parsed


def text_of(written: bytes) -> str:
    part = letter(written).get_body(("plain",))
    assert part is not None
    return str(part.get_content())


def link_in(written: bytes, kind: str) -> str:
    """The token of the link of this kind in a letter."""
    _, _, rest = text_of(written).partition(f"/newsletter/{kind}/")
    return rest.split()[0].partition("?")[0]


def somebody_at_work(*roles: Role) -> StaffMember:
    with transaction() as session:
        admin = people.add_first(session, email="root@example.org", name="Root", roles=[Role.ADMIN])
        return people.add(session, email="sam@example.org", name="Sam", roles=roles, by=admin)


def stop_token(email: str = ADA) -> str:
    return links.stop_token(reader(email).id)
