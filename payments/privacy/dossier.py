# ruff: noqa: S608 - the statements are put together from our own pieces; what is said goes in as parameters
"""What is known of one donor, on one page: who it is, what was given, promised, receipted, declared and sent.

Reading it leaves a line in the audit log. Whoever sees no names reads ids, amounts and days.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session

from payments.mail.address import is_nowhere
from payments.money import Money
from payments.privacy.searching import MAY_SEE_NAMES
from payments.staff import audit, people
from payments.staff.models import StaffMember
from payments.supporters import donors
from payments.supporters.donors import Donor, DonorUnknown


@dataclass(frozen=True, slots=True, kw_only=True)
class Gift:
    """One gift, by what a person asks about it."""

    id: str
    day: date
    """Of the gift; of its beginning where it was not paid."""
    status: str
    channel: str
    total: Money
    monthly_gift: str | None
    receipt: str | None
    """The number that counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """A monthly gift."""

    id: str
    begun: datetime
    status: str
    monthly: Money
    stripe_customer: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """A receipt or an annual statement, void ones too."""

    id: str
    number: str
    kind: str
    status: str
    issued_at: datetime
    total: Money | None
    """None for a statement, which may list several currencies."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A mail of ours."""

    id: str
    about: str
    status: str
    queued_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Another record of the same donor, which was merged into this one."""

    id: str
    email: str | None
    """None for a reader who sees no names."""
    merged_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Dossier:
    """Everything about one donor."""

    id: str
    name: str | None
    """None, like address and postal address, for a reader who sees no names."""
    email: str | None
    postal_address: Sequence[str] | None
    locale: str
    known_since: datetime
    erased_at: datetime | None
    records: Sequence[Record]
    gifts: Sequence[Gift]
    thanked_for: Sequence[str]
    """Gifts of others for which this donor is thanked."""
    monthly_gifts: Sequence[Promise]
    papers: Sequence[Paper]
    gift_aid: Sequence[str]
    """Declarations, by id."""
    newsletter: Sequence[str]
    """Readers of the newsletter with an address of theirs, by id: what they said, `newsletter show` has."""
    letters: Sequence[Letter]


def show(session: Session, donor_id: str, *, by: StaffMember) -> Dossier:
    """The page of one donor, or `DonorUnknown`. A record that was merged shows the donor it leads to."""
    people.require(by, *people.MAY_READ)
    donor = session.get(Donor, donors.survivor_of(session, donor_id))
    if donor is None:
        raise DonorUnknown
    sees_names = by.may(*MAY_SEE_NAMES)
    audit.note(session, by, "donors.show", subject=donor.id, reason="read")
    return Dossier(
        id=donor.id,
        name=donor.name if sees_names else None,
        email=donor.email if sees_names else None,
        postal_address=_address(session, donor.id) if sees_names else None,
        locale=donor.locale,
        known_since=donor.created_at,
        erased_at=donor.erased_at,
        records=[
            Record(
                id=row["id"],
                email=row["email"] if sees_names and not is_nowhere(row["email"]) else None,
                merged_at=row["merged_at"],
            )
            for row in _rows(session, _RECORDS, donor)
        ],
        gifts=[_gift(row) for row in _rows(session, _GIFTS, donor)],
        thanked_for=[str(row["id"]) for row in _rows(session, _THANKED_FOR, donor)],
        monthly_gifts=[_promise(row) for row in _rows(session, _PROMISES, donor)],
        papers=[_paper(row) for row in _rows(session, _PAPERS, donor)],
        gift_aid=[str(row["id"]) for row in _rows(session, _DECLARATIONS, donor)],
        newsletter=[str(row["id"]) for row in _rows(session, _READERS, donor)],
        letters=[Letter(**row) for row in _rows(session, _LETTERS, donor)],
    )


def _rows(session: Session, question: TextClause, donor: Donor) -> Sequence[Mapping[str, Any]]:
    found = session.execute(question, {"donor": donor.id}).mappings()
    return [dict(row) for row in found]


def _address(session: Session, donor_id: str) -> Sequence[str]:
    row = session.execute(_ADDRESS, {"donor": donor_id}).one_or_none()
    return [*row.lines, row.postcode, row.country] if row is not None else []


def _gift(row: Mapping[str, Any]) -> Gift:
    return Gift(
        id=row["id"],
        day=row["day"],
        status=row["status"],
        channel=row["channel"],
        total=Money(row["amount"], row["currency"]),
        monthly_gift=row["monthly_gift_id"],
        receipt=row["receipt"],
    )


def _promise(row: Mapping[str, Any]) -> Promise:
    return Promise(
        id=row["id"],
        begun=row["created_at"],
        status=row["status"],
        monthly=Money(row["amount"], row["currency"]),
        stripe_customer=row["stripe_customer_id"],
    )


def _paper(row: Mapping[str, Any]) -> Paper:
    return Paper(
        id=row["id"],
        number=row["number"],
        kind=row["kind"],
        status=row["status"],
        issued_at=row["issued_at"],
        total=Money(row["amount"], row["currency"]) if row["currency"] is not None else None,
    )


_ADDRESS = text("select lines, postcode, country from donor_addresses where donor_id = :donor")
_GIFTS = text("""
    select d.id, coalesce(d.gift_date, (d.created_at at time zone e.time_zone)::date) as day, d.status,
        d.channel, d.amount, d.currency, d.monthly_gift_id, r.number as receipt
    from donations d
    join issuing_entities e on e.id = d.entity_id
    left join receipts r on r.donation_id = d.id and r.status = 'issued'
    where d.donor_id = :donor
    order by d.created_at desc, d.id
""")
_THANKED_FOR = text(
    "select id from donations where soft_credit_donor_id = :donor order by created_at desc, id"
)
_PROMISES = text("""
    select m.id, m.created_at, m.status, t.amount, m.currency, m.stripe_customer_id
    from monthly_gifts m
    join lateral (select amount from monthly_terms t where t.monthly_gift_id = m.id
        order by number desc limit 1) t on true
    where m.donor_id = :donor
    order by m.created_at desc, m.id
""")
_PAPERS = text("""
    select r.id, r.number, r.kind, r.status, r.issued_at, r.amount, r.currency
    from receipts r join donations d on d.id = r.donation_id
    where d.donor_id = :donor
    union all
    select s.id, s.number, 'statement', s.status, s.issued_at, null, null
    from giving_statements s
    where s.donor_id = :donor
    order by issued_at desc, number
""")
_DECLARATIONS = text(
    "select id from gift_aid_declarations where donor_id = :donor order by given_on desc, id"
)
_RECORDS = text("""
    select d.id, d.email, m.merged_at
    from donors d join donor_merges m on m.gone_id = d.id and m.undone_at is null
    where d.merged_into_id = :donor
    order by m.merged_at, d.id
""")
_OF_THEIRS = "(select lower(email) from donors where :donor in (id, merged_into_id))"
_READERS = text(f"select id from newsletter_readers where lower(email) in {_OF_THEIRS} order by id")
_LETTERS = text(f"""
    select id, reference as about, status, queued_at
    from outgoing_mails
    where lower(to_address) in {_OF_THEIRS}
    order by queued_at desc, id
    limit 100
""")
