"""Donors: one row an e-mail address, made when a gift begins."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Index, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from payments.database import Base, StrPK, among_named, new_id
from payments.errors import AlmonerError
from payments.mail.address import fit
from payments.staff import audit, people
from payments.staff.models import Role, StaffMember

MAY_CORRECT = (Role.SUPPORT, Role.FINANCE)


class DonorUnknown(AlmonerError):
    """No donor has this id."""

    def __init__(self) -> None:
        super().__init__("There is no such donor: `almoner donors find` finds the id.")


class DonorErased(AlmonerError):
    """Nothing more is to be known of this donor."""

    def __init__(self) -> None:
        super().__init__("This donor was erased: nothing more is kept of them. A new gift is a new donor's.")


class EmailRefused(AlmonerError):
    """A donor cannot have this e-mail address."""


class Donor(Base):
    """A person or body that gives, known by e-mail address."""

    __tablename__ = "donors"
    __table_args__ = (Index("uq_donors_lower_email", text("lower(email)"), unique=True),)

    id: Mapped[StrPK]
    email: Mapped[str]
    name: Mapped[str]
    """As first given. Anybody can type anybody's address, so a later gift does not change it."""
    locale: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    erased_at: Mapped[datetime | None]
    """Since when nothing is known of this donor but the id: name and address are placeholders."""


def recognise(session: Session, *, email: str, name: str, locale: str) -> str:
    """The id of the donor with this address, made now when we meet them for the first time."""
    fresh = insert(Donor).values(id=new_id("dnr"), email=email, name=name, locale=locale)
    made: str | None = session.scalar(
        fresh.on_conflict_do_nothing(index_elements=[text("lower(email)")]).returning(Donor.id)
    )
    if made is not None:
        return made
    return session.scalars(select(Donor.id).where(func.lower(Donor.email) == func.lower(email))).one()


def correct_email(session: Session, donor_id: str, address: str, *, by: StaffMember, reason: str) -> None:
    """From now on this donor's mail goes there, and links to steer a monthly gift with it. What was sent
    stays as it was; the audit log says that it was done, not what."""
    people.require(by, *MAY_CORRECT)
    right = fit(address)
    if right is None:
        raise EmailRefused("Give an e-mail address that mail can go to.")
    donor = session.get(Donor, donor_id, with_for_update=True)
    if donor is None:
        raise DonorUnknown
    if donor.erased_at is not None:
        raise DonorErased
    other = session.scalar(
        select(Donor.id).where(func.lower(Donor.email) == right.lower(), Donor.id != donor_id)
    )
    if other is not None:
        raise EmailRefused(
            f"That is the address of {other}, who gives too. Two donors cannot have one address: see which of"
            " the two gifts' names is right, and write to the donor."
        )
    donor.email = right
    audit.note(session, by, "donors.email", subject=donor_id, reason=people.reason_given(reason))


def email_of(session: Session, donor_id: str) -> str:
    """Where this donor's mail goes."""
    return session.scalars(select(Donor.email).where(Donor.id == donor_id)).one()


def emails_of(session: Session, donor_ids: Iterable[str]) -> dict[str, str]:
    """The same of many donors, by their ids."""
    rows = session.execute(_EMAILS, {"ids": donor_ids})
    return {row.id: row.email for row in rows}


_EMAILS = select(Donor.id, Donor.email).where(among_named(Donor.id, "ids"))
