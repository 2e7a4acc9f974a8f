"""The charity's bank accounts: which body has them, and how their banks write."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.clock import now
from payments.donations.models import IssuingEntity
from payments.errors import AlmonerError
from payments.reconciliation.formats.csv_profile import profile_of
from payments.reconciliation.models import BankAccount
from payments.staff import audit, people
from payments.staff.models import Role, StaffMember

MAY_RECONCILE = (Role.FINANCE,)


class BankAccountRefused(AlmonerError):
    """An account that cannot be added as it was said."""


class BankAccountUnknown(AlmonerError):
    """No account has this id."""

    def __init__(self, account_id: str) -> None:
        super().__init__(f"There is no bank account “{account_id}”. `almoner bank account list` shows them.")


def find(session: Session, account_id: str, *, for_update: bool = False) -> BankAccount:
    """The account, or `BankAccountUnknown`. Locked, its files come in one after the other."""
    found = session.get(BankAccount, account_id, with_for_update=True if for_update else None)
    if found is None:
        raise BankAccountUnknown(account_id)
    return found


def everything(session: Session) -> Sequence[BankAccount]:
    """All accounts by their id."""
    return session.scalars(select(BankAccount).order_by(BankAccount.id)).all()


def add(
    session: Session,
    account_id: str,
    *,
    entity_id: str,
    name: str,
    currency: str,
    number: str | None,
    csv_profile: Mapping[str, Any] | None,
    by: StaffMember,
) -> BankAccount:
    """A new account of one of the legal bodies."""
    people.require(by, *MAY_RECONCILE)
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,39}", account_id):
        raise BankAccountRefused("Name the account with a short word of small letters, such as operating.")
    if session.get(BankAccount, account_id) is not None:
        raise BankAccountRefused(f"There is a bank account “{account_id}” already.")
    if session.get(IssuingEntity, entity_id) is None:
        known = ", ".join(session.scalars(select(IssuingEntity.id).order_by(IssuingEntity.id)))
        raise BankAccountRefused(f"There is no legal body “{entity_id}”. Known: {known}.")
    if not re.fullmatch(r"[a-z]{3}", currency):
        raise BankAccountRefused("Write the currency as its three letters, such as usd or krw.")
    account = BankAccount(
        id=account_id,
        entity_id=entity_id,
        name=" ".join(name.split()) or account_id,
        currency=currency,
        number=("".join(number.split()) or None) if number else None,
        csv_profile=_kept(csv_profile) if csv_profile is not None else None,
        added_by=by.id,
        added_at=now(),
    )
    session.add(account)
    session.flush()
    audit.note(
        session, by, "bank.account_add", subject=account_id, reason="a bank account", currency=currency
    )
    return account


def set_profile(
    session: Session, account_id: str, csv_profile: Mapping[str, Any], *, by: StaffMember
) -> BankAccount:
    """How the account's bank writes CSV from now on."""
    people.require(by, *MAY_RECONCILE)
    account = find(session, account_id, for_update=True)
    before, account.csv_profile = account.csv_profile, _kept(csv_profile)
    audit.note(
        session,
        by,
        "bank.account_profile",
        subject=account_id,
        reason="a CSV profile",
        before=before,
        after=account.csv_profile,
    )
    return account


def _kept(csv_profile: Mapping[str, Any]) -> dict[str, Any]:
    """Only what was said, and only if it can be followed."""
    return profile_of(csv_profile).model_dump(mode="json", exclude_unset=True)
