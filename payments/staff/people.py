"""Who works here and what they may do. Nobody gives a role to themselves.

The very first person is written from the machine itself and is an admin and nothing else; everybody
later is added by an admin, and every step stands in the audit log.
"""

from collections.abc import Collection, Sequence

from email_validator import EmailNotValidError, validate_email
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from payments.database import new_id
from payments.errors import AlmonerError
from payments.staff import audit, sessions
from payments.staff.models import Role, StaffMember
from payments.translations import N_, Told

MAY_READ = tuple(Role)
MAY_MANAGE = (Role.ADMIN,)


class StaffUnknown(AlmonerError):
    """Nobody works here under this address."""

    def __init__(self) -> None:
        super().__init__("Nobody works here under this address. `almoner staff list` shows who does.")


class StaffAlreadyThere(AlmonerError):
    """Somebody works here under this address."""

    def __init__(self) -> None:
        super().__init__("Somebody works here under this address already; change the roles instead.")


class StaffAddressWrong(AlmonerError):
    """No address a person could have."""

    def __init__(self) -> None:
        super().__init__("Give the person's own e-mail address.")


class NoLongerHere(Told):
    """A deactivated person does nothing any more."""

    sentence = N_("This person is deactivated and may do nothing. An admin can say otherwise.")


class NotAllowed(Told):
    """A deed that needs a role the person does not have."""

    sentence = N_("This needs the role {roles}. Ask an admin.")

    def __init__(self, *roles: Role) -> None:
        super().__init__(roles=" or ".join(roles))
        self.roles = roles


class NotForOneself(AlmonerError):
    """Roles are given and taken by somebody else."""

    def __init__(self) -> None:
        super().__init__("Nobody changes their own roles. Ask another admin.")


class FirstIsAdmin(AlmonerError):
    """There is nobody yet who could add somebody with other roles."""

    def __init__(self) -> None:
        super().__init__("The first person is added with `--role admin` alone, and then adds the others.")


class ReasonMissing(Told):
    """A deed without a reason explains nothing to whoever reads the log."""

    field = "reason"
    sentence = N_("Say why: the reason stands in the audit log.")


def require(person: StaffMember, *roles: Role) -> None:
    """`NotAllowed` unless the person has one of the roles, `NoLongerHere` for one who left."""
    if not person.is_active:
        raise NoLongerHere
    if not person.may(*roles):
        raise NotAllowed(*roles)


def reason_given(reason: str) -> str:
    """The reason without the blanks around it, or `ReasonMissing`."""
    if not reason.strip():
        raise ReasonMissing
    return reason.strip()


def find(session: Session, email: str) -> StaffMember:
    """The person with this address, or `StaffUnknown`."""
    found = session.scalars(
        select(StaffMember).where(func.lower(StaffMember.email) == email.strip().lower())
    ).one_or_none()
    if found is None:
        raise StaffUnknown
    return found


def everybody(session: Session) -> Sequence[StaffMember]:
    """All who ever worked here, in the order of their names."""
    return session.scalars(select(StaffMember).order_by(StaffMember.name, StaffMember.email)).all()


def names(session: Session) -> dict[str, str]:
    """Everybody's name by id, for whoever reads who did something."""
    return {person.id: person.name for person in everybody(session)}


def add_first(session: Session, *, email: str, name: str, roles: Collection[Role]) -> StaffMember:
    """The admin with whom it begins. Only whoever has the machine can do this, and only once."""
    session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended("staff:first", 0))))
    if session.scalar(select(func.count()).select_from(StaffMember)):
        raise NotAllowed(*MAY_MANAGE)
    if set(roles) != {Role.ADMIN}:
        raise FirstIsAdmin
    first = _write(session, email=email, name=name, roles=roles)
    audit.note(
        session, first, "staff.add_first", subject=first.id, reason="the first person", roles=sorted(roles)
    )
    return first


def add(session: Session, *, email: str, name: str, roles: Collection[Role], by: StaffMember) -> StaffMember:
    """Somebody new. Without a role there would be nothing to do here."""
    require(by, *MAY_MANAGE)
    added = _write(session, email=email, name=name, roles=roles)
    audit.note(session, by, "staff.add", subject=added.id, reason="added", roles=sorted(roles))
    return added


def give_roles(session: Session, person: StaffMember, roles: Collection[Role], *, by: StaffMember) -> None:
    """Exactly these roles from now on."""
    require(by, *MAY_MANAGE)
    if person.id == by.id:
        raise NotForOneself
    before, person.roles = sorted(person.roles), sorted(set(roles))
    audit.note(
        session, by, "staff.roles", subject=person.id, reason="roles", before=before, after=person.roles
    )


def deactivate(session: Session, person: StaffMember, *, by: StaffMember, reason: str) -> None:
    """Somebody left: nothing more may be done in this name, with no token and at no browser."""
    require(by, *MAY_MANAGE)
    if person.id == by.id:
        raise NotForOneself
    person.is_active = False
    sessions.end_all(session, person)
    audit.note(session, by, "staff.deactivate", subject=person.id, reason=reason_given(reason))


def _write(session: Session, *, email: str, name: str, roles: Collection[Role]) -> StaffMember:
    try:
        address = validate_email(email.strip(), check_deliverability=False).normalized
    except EmailNotValidError:
        raise StaffAddressWrong from None
    if session.scalar(select(StaffMember.id).where(func.lower(StaffMember.email) == address.lower())):
        raise StaffAlreadyThere
    person = StaffMember(
        id=new_id("stf"), email=address, name=" ".join(name.split()), roles=sorted(set(roles))
    )
    session.add(person)
    session.flush()
    return person
