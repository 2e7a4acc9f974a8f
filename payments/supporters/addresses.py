"""Where a donor lives, for the few countries whose receipts and claims must say it. Kept for nobody else."""

from datetime import datetime

from sqlalchemy import ARRAY, CheckConstraint, ForeignKey, Text, func
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from payments.database import Base
from payments.errors import AlmonerError
from payments.staff import audit, people
from payments.staff.models import Role, StaffMember
from payments.supporters import donors

MAY_NOTE = (Role.FINANCE,)
_MOST_LINES = 4
_LONGEST_LINE = 80


class AddressRefused(AlmonerError):
    """What was typed is not a postal address that can be printed."""


class DonorAddress(Base):
    """The home address of a donor, as it is printed."""

    __tablename__ = "donor_addresses"
    __table_args__ = (CheckConstraint("cardinality(lines) between 1 and 4", name="has_lines"),)

    donor_id: Mapped[str] = mapped_column(ForeignKey("donors.id"), primary_key=True)
    lines: Mapped[list[str]] = mapped_column(ARRAY(Text))
    """Without the postcode; the first begins with the house's number or name."""
    postcode: Mapped[str]
    country: Mapped[str]
    noted_at: Mapped[datetime] = mapped_column(server_default=func.now())

    @property
    def printed(self) -> tuple[str, ...]:
        """As a document shows it."""
        return (*self.lines, self.postcode)


def note(
    session: Session, donor_id: str, *, lines: list[str], postcode: str, country: str, by: StaffMember
) -> None:
    """Keep a donor's address, instead of an earlier one. The audit log says that it was done, not what."""
    people.require(by, *MAY_NOTE)
    kept = [" ".join(line.split()) for line in lines if line.strip()]
    postcode, country = " ".join(postcode.upper().split()), country.strip().upper()
    if not 0 < len(kept) <= _MOST_LINES or any(len(line) > _LONGEST_LINE for line in kept):
        raise AddressRefused(f"An address has one to {_MOST_LINES} lines of at most {_LONGEST_LINE} letters.")
    if not postcode or len(country) != 2 or not country.isascii() or not country.isalpha():
        raise AddressRefused("An address has a postcode and a country of two letters, such as CA.")
    donors.standing(session, donor_id)
    written = insert(DonorAddress).values(
        donor_id=donor_id, lines=kept, postcode=postcode, country=country, noted_at=func.now()
    )
    session.execute(
        written.on_conflict_do_update(
            index_elements=["donor_id"],
            set_={name: written.excluded[name] for name in ("lines", "postcode", "country", "noted_at")},
        )
    )
    audit.note(session, by, "donors.address", subject=donor_id, reason="an address for receipts")
