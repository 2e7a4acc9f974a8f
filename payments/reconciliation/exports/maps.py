"""How a target calls our accounts and funds: said by the organisation, kept in versions.

The document, in TOML:

    [accounts]
    stripe_balance = "1360"
    contributions = "8200"
    "contributions/rescue" = "8210"     # this fund alone
    [funds]
    rescue = "Rescue"
    general = ""                        # no class, and said so
    [options]
    currency = "usd"
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from payments.database import new_id
from payments.donations.models import Fund
from payments.errors import AlmonerError
from payments.ledger.accounts import Account
from payments.reconciliation.exports.format import Target
from payments.reconciliation.exports.journal import name_of
from payments.reconciliation.exports.models import ExportMap
from payments.reconciliation.months import entity_named
from payments.staff import audit, people
from payments.staff.models import Role, StaffMember

MAY_MAP = (Role.FINANCE,)
SECTIONS = ("accounts", "funds", "options")


class MapWrong(AlmonerError):
    """A map that could not be used; the message names every mistake."""

    def __init__(self, mistakes: Iterable[str]) -> None:
        super().__init__("The map was not taken:\n" + "\n".join(f"  {mistake}" for mistake in mistakes))


class NotMapped(AlmonerError):
    """Something the target needs has no name there."""

    def __init__(self, target: Target, missing: Iterable[str]) -> None:
        super().__init__(
            f"Nothing was exported: {target.name} has no name yet for\n"
            + "\n".join(f"  {each}" for each in missing)
            + f"\nSay them with `almoner export map set {target.name} …` or in a file for `map import`; "
            "`almoner export map show` prints what there is."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Map:
    """One version of a map; version 0 is what is so without anybody's word."""

    version: int = 0
    accounts: Mapping[str, str] = field(default_factory=dict)
    funds: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def content(self) -> dict[str, dict[str, str]]:
        """As it is stored."""
        return {section: dict(getattr(self, section)) for section in SECTIONS}


def funds_of(session: Session, entity_id: str) -> list[str]:
    """Every fund of the body, closed ones too, in the order of the organisation's document."""
    return list(session.scalars(select(Fund.id).where(Fund.entity_id == entity_id).order_by(Fund.position)))


def current(session: Session, target: Target, entity_id: str) -> Map:
    """The newest map, with the defaults of what it does not say."""
    said = _newest(session, target, entity_id)
    content = said.content if said is not None else {}
    return Map(
        version=said.version if said is not None else 0,
        accounts=content.get("accounts", {}),
        funds=content.get("funds", {}),
        options=target.default_options() | content.get("options", {}),
    )


def save(
    session: Session, target: Target, entity_id: str, content: Mapping[str, Any], *, by: StaffMember
) -> Map:
    """Take a whole map instead of the one before, if everything in it can be used."""
    people.require(by, *MAY_MAP)
    entity_named(session, entity_id)
    said = _said(content)
    if mistakes := list(_mistakes(target, said, set(funds_of(session, entity_id)))):
        raise MapWrong(mistakes)
    _one_after_the_other(session)
    before = _newest(session, target, entity_id)
    row = ExportMap(
        id=new_id("exm"),
        target=target.name,
        entity_id=entity_id,
        version=before.version + 1 if before is not None else 1,
        content=said,
        set_by=by.id,
    )
    session.add(row)
    audit.note(
        session,
        by,
        "export.map",
        subject=row.id,
        reason=f"version {row.version} for {target.name}",
        target=target.name,
        entity=entity_id,
        before=before.content if before is not None else None,
        after=said,
    )
    return current(session, target, entity_id)


def change(
    session: Session, target: Target, entity_id: str, name: str, value: str, *, by: StaffMember
) -> Map:
    """Say one thing, such as `accounts.stripe_balance`; the rest stays."""
    section, _, key = name.partition(".")
    if section not in SECTIONS or not key:
        raise MapWrong([f"{name}: write accounts.NAME, funds.NAME or options.NAME."])
    _one_after_the_other(session)
    before = _newest(session, target, entity_id)
    content = dict(before.content) if before is not None else {}
    content[section] = {**content.get(section, {}), key: value}
    return save(session, target, entity_id, content, by=by)


def _one_after_the_other(session: Session) -> None:
    """Two people who change the map at once make two versions, and the second has what the first said."""
    session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended("export_maps", 0))))


def missing(target: Target, said: Map, used: Iterable[tuple[Account, str | None]]) -> list[str]:
    """What a batch needs and the map does not say, each named as one would say it."""
    lacking = [
        f"options.{name}: {option.meaning}"
        for name, option in target.options.items()
        if name not in said.options
    ]
    for account, fund_id in used:
        if target.needs_accounts and not name_of(said.accounts, account, fund_id):
            lacking.append(f"accounts.{account}")
        if target.needs_funds and fund_id is not None and fund_id not in said.funds:
            lacking.append(f"funds.{fund_id}")
    return list(dict.fromkeys(lacking))


def _newest(session: Session, target: Target, entity_id: str) -> ExportMap | None:
    return session.scalars(
        select(ExportMap)
        .where(ExportMap.target == target.name, ExportMap.entity_id == entity_id)
        .order_by(ExportMap.version.desc())
        .limit(1)
    ).one_or_none()


def _said(content: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Everything as text: TOML may write an account as a number and a choice as true."""
    if unknown := sorted(content.keys() - set(SECTIONS)):
        raise MapWrong([f"[{section}]: a map has accounts, funds and options." for section in unknown])
    said: dict[str, dict[str, str]] = {}
    for section in SECTIONS:
        given = content.get(section, {})
        if not isinstance(given, Mapping) or any(not isinstance(v, str | int) for v in given.values()):
            raise MapWrong([f"[{section}]: each line is a name of ours, an equals sign and one of theirs."])
        said[section] = {
            str(key): str(value).lower() if isinstance(value, bool) else str(value)
            for key, value in sorted(given.items())
        }
    return said


def _mistakes(target: Target, said: Mapping[str, Mapping[str, str]], known_funds: set[str]) -> Iterable[str]:
    accounts = {account.value for account in Account}
    for key, name in said["accounts"].items():
        account, _, fund = key.partition("/")
        if account not in accounts:
            yield f"accounts.{key}: there is no such account."
        elif fund and (fund not in known_funds or not Account(account).is_kept_by_fund):
            yield f"accounts.{key}: there is no such fund, or {account} is not kept by fund."
        yield from _unusable(target, f"accounts.{key}", name, target.account_pattern)
    for key, name in said["funds"].items():
        if key not in known_funds:
            yield f"funds.{key}: there is no such fund."
        if name:
            yield from _unusable(target, f"funds.{key}", name, target.fund_pattern)
    for key, value in said["options"].items():
        option = target.options.get(key)
        if option is None:
            yield f"options.{key}: {target.name} has no such option."
        elif not re.fullmatch(option.pattern, value):
            yield f"options.{key}: {value!r} does not fit. {option.meaning}"
        else:
            yield from _unusable(target, f"options.{key}", value, option.pattern)
    if target.mistakes is not None:
        yield from target.mistakes(said["accounts"], {**target.default_options(), **said["options"]})


def _unusable(target: Target, key: str, name: str, pattern: str) -> Iterable[str]:
    if not re.fullmatch(pattern, name):
        yield f"{key}: {target.name} could not read {name!r}."
    elif not target.is_writable(name):
        yield f"{key}: {name!r} could be taken for a formula; begin it with a letter or a digit."
