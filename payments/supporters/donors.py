"""Donors: one row an e-mail address, made when a gift begins.

Two rows that are one person's are merged (`privacy/merging.py`). The one that went stays as the address that
leads to the donor: nothing else is its own any more.
"""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, func, or_, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from payments.database import Base, StrPK, among_named, new_id
from payments.errors import AlmonerError
from payments.mail.address import fit, is_nowhere, nowhere
from payments.staff import audit, people
from payments.staff.models import Role, StaffMember
from payments.supporters.merges import DonorMerge, MergedRow

MAY_CORRECT = (Role.SUPPORT, Role.FINANCE)


class DonorUnknown(AlmonerError):
    """No donor has this id."""

    def __init__(self) -> None:
        super().__init__("There is no such donor: `almoner donors find` finds the id.")


class DonorErased(AlmonerError):
    """Nothing more is to be known of this donor."""

    def __init__(self) -> None:
        super().__init__("This donor was erased: nothing more is kept of them. A new gift is a new donor's.")


class DonorMerged(AlmonerError):
    """This record went into another: nothing is its own."""

    def __init__(self, kept_id: str) -> None:
        super().__init__(f"This record was merged into {kept_id}: use that id.")
        self.kept_id = kept_id


class EmailRefused(AlmonerError):
    """A donor cannot have this e-mail address."""


class Donor(Base):
    """A person or body that gives, known by e-mail address."""

    __tablename__ = "donors"
    __table_args__ = (
        Index("uq_donors_lower_email", text("lower(email)"), unique=True),
        Index(
            "ix_donors_merged_into_id", "merged_into_id", postgresql_where=text("merged_into_id is not null")
        ),
        CheckConstraint("merged_into_id <> id", name="not_merged_into_itself"),
    )

    id: Mapped[StrPK]
    email: Mapped[str]
    name: Mapped[str]
    """As first given. Anybody can type anybody's address, so a later gift does not change it."""
    locale: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    erased_at: Mapped[datetime | None]
    """Since when nothing is known of this donor but the id: name and address are placeholders."""
    merged_into_id: Mapped[str | None] = mapped_column(ForeignKey("donors.id"))
    """The record that stands for this one. It went into no other: there are no chains."""


def recognise(session: Session, *, email: str, name: str, locale: str) -> str:
    """The id of the record with this address, made now when we meet it for the first time. What is written
    under one that was merged is the survivor's: the database sees to it."""
    fresh = insert(Donor).values(id=new_id("dnr"), email=email, name=name, locale=locale)
    made: str | None = session.scalar(
        fresh.on_conflict_do_nothing(index_elements=[text("lower(email)")]).returning(Donor.id)
    )
    if made is not None:
        return made
    return session.scalars(select(Donor.id).where(func.lower(Donor.email) == func.lower(email))).one()


def is_known(session: Session, email: str) -> bool:
    """Whether a record has this address, however it is written; also one that was merged."""
    right = fit(email)
    found = select(Donor.id).where(func.lower(Donor.email) == (right or "").lower())
    return session.scalar(found) is not None


def correct_email(session: Session, donor_id: str, address: str, *, by: StaffMember, reason: str) -> None:
    """From now on this donor's mail goes there, and links to steer a monthly gift with it. What was sent
    stays as it was; the audit log says that it was done, not what."""
    people.require(by, *MAY_CORRECT)
    right = fit(address)
    if right is None:
        raise EmailRefused("Give an e-mail address that mail can go to.")
    donor = standing(session, donor_id, for_update=True)
    other = session.scalar(
        select(Donor).where(func.lower(Donor.email) == right.lower(), Donor.id != donor_id)
    )
    if other is not None and other.merged_into_id != donor_id:
        raise EmailRefused(
            f"That is the address of {other.merged_into_id or other.id}, who gives too. Two donors cannot"
            " have one address: see which of the two gifts' names is right, and write to the donor. Where"
            " both are one person, `almoner donors merge` makes one of the two."
        )
    if other is not None:
        exchange_emails(session, donor, other)
    donor.email = right
    audit.note(session, by, "donors.email", subject=donor_id, reason=people.reason_given(reason))


def standing(session: Session, donor_id: str, *, for_update: bool = False) -> Donor:
    """The donor with this id; `DonorUnknown`, `DonorErased` or `DonorMerged` where something stands in the
    way of writing anything down. Until the transaction ends, nobody merges the record away."""
    held = select(Donor).where(Donor.id == donor_id).execution_options(populate_existing=True)
    donor = session.scalar(held.with_for_update() if for_update else held.with_for_update(read=True))
    if donor is None:
        raise DonorUnknown
    if donor.erased_at is not None:
        raise DonorErased
    if donor.merged_into_id is not None:
        raise DonorMerged(donor.merged_into_id)
    return donor


def exchange_emails(session: Session, one: Donor, other: Donor) -> None:
    """Two records of one donor get each other's address; both still lead to the same person."""
    ones, others = one.email, other.email
    other.email = nowhere(other.id)  # no two rows may ever have one address
    session.flush()
    one.email = others
    session.flush()
    other.email = ones
    session.flush()


def survivor_of(session: Session, donor_id: str) -> str:
    """The id of the donor whom this record stands for: its own, unless it was merged."""
    return session.scalar(select(Donor.merged_into_id).where(Donor.id == donor_id)) or donor_id


def addresses_of(session: Session, donor_id: str) -> list[str]:
    """Every address that is this donor's: the one that mail goes to, and those of records merged into it."""
    found = session.scalars(
        select(Donor.email).where(or_(Donor.id == donor_id, Donor.merged_into_id == donor_id))
    )
    return [email for email in found if not is_nowhere(email)]


def email_typed_for(session: Session, *, donation_id: str, donor_id: str) -> str:
    """The address that was typed when this gift was begun: the gift may be a merged donor's since, and Stripe
    is asked the same as before."""
    begun_as = session.scalar(
        select(DonorMerge.gone_id)
        .join(MergedRow, MergedRow.merge_id == DonorMerge.id)
        .where(MergedRow.what == "gift", MergedRow.row_id == donation_id, DonorMerge.undone_at.is_(None))
        .order_by(DonorMerge.merged_at)
        .limit(1)
    )
    return email_of(session, begun_as or donor_id)


def email_of(session: Session, donor_id: str) -> str:
    """Where this donor's mail goes."""
    return session.scalars(select(Donor.email).where(Donor.id == donor_id)).one()


def emails_of(session: Session, donor_ids: Iterable[str]) -> dict[str, str]:
    """The same of many donors, by their ids."""
    rows = session.execute(_EMAILS, {"ids": donor_ids})
    return {row.id: row.email for row in rows}


_EMAILS = select(Donor.id, Donor.email).where(among_named(Donor.id, "ids"))
