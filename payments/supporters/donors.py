"""Donors: one row an e-mail address, made when a gift begins."""

from datetime import datetime

from sqlalchemy import Index, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from payments.database import Base, StrPK, new_id


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


def recognise(session: Session, *, email: str, name: str, locale: str) -> str:
    """The id of the donor with this address, made now when we meet them for the first time."""
    fresh = insert(Donor).values(id=new_id("dnr"), email=email, name=name, locale=locale)
    made: str | None = session.scalar(
        fresh.on_conflict_do_nothing(index_elements=[text("lower(email)")]).returning(Donor.id)
    )
    if made is not None:
        return made
    return session.scalars(select(Donor.id).where(func.lower(Donor.email) == func.lower(email))).one()


def email_of(session: Session, donor_id: str) -> str:
    """Where this donor's mail goes."""
    return session.scalars(select(Donor.email).where(Donor.id == donor_id)).one()
