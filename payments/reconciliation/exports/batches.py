"""A batch: entries that were never exported to a target leave for it, once, and the file is kept.

Everything happens in one transaction: the entries are claimed, the file is written and counted against
them, and its bytes are stored with their hash. Then whoever asked may fetch them, that day or in ten years.
"""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from payments.clock import now
from payments.errors import AlmonerError, PersonMustLook
from payments.reconciliation import closings
from payments.reconciliation.exports import departures, gifts, journal, maps, stored_files, targets
from payments.reconciliation.exports.format import Control, Frame, Target
from payments.reconciliation.exports.journal import Chosen, Granularity
from payments.reconciliation.exports.models import ExportBatch
from payments.reconciliation.exports.plain_text import account_name, alike
from payments.reconciliation.months import entity_named
from payments.staff import audit, people
from payments.staff.models import Role, StaffMember

MAY_EXPORT = (Role.FINANCE,)
MAY_DOWNLOAD = (Role.FINANCE, Role.APPROVER, Role.VIEWER)
_SUFFIXES = {Granularity.PAYOUT: "-by-payout", Granularity.MONTH: "-by-month"}


class NothingToExport(AlmonerError):
    """All entries of these days have left for this target already, or there are none."""

    def __init__(self, target: str) -> None:
        super().__init__(
            f"Nothing new for {target} in these days: what there is has been exported. "
            "`almoner export list` shows the batches; `almoner export again NUMBER` fetches one again."
        )


class OtherCurrencies(AlmonerError):
    """The target takes one currency, and the book has others."""

    def __init__(self, target: Target, home: str, others: dict[str, int]) -> None:
        found = ", ".join(f"{count} in {currency.upper()}" for currency, count in sorted(others.items()))
        super().__init__(
            f"{target.name} takes {home.upper()} only, and these days have entries in other currencies:"
            f" {found}. Export those to a company of that currency or as csv; with `--currency {home}` the"
            f" {home.upper()} ones leave alone."
        )


class TooManyLines(AlmonerError):
    """More than the target reads."""

    def __init__(self, target: Target, lines: int) -> None:
        super().__init__(
            f"{target.name} reads at most {target.most_lines:,} lines and this would be {lines:,}."
            " Take fewer days, or `--granularity payout` or `month`."
        )


class ExportBatchUnknown(AlmonerError):
    """No batch has this number."""

    def __init__(self, number: int) -> None:
        super().__init__(f"There is no export {number}. `almoner export list` shows them.")


class ExportOutOfBalance(PersonMustLook):
    """The file does not come to what its entries come to; nothing was exported."""

    def __init__(self, counted: object, booked: object) -> None:
        super().__init__(f"The file comes to {counted} and its entries to {booked}: nothing was exported.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to leave: entries of a legal body, up to and with a day, that have not left yet."""

    target: str
    entity_id: str
    last_day: date
    first_day: date | None = None
    granularity: Granularity | str = Granularity.TRANSACTION
    currency: str | None = None


def make(session: Session, wanted: Wanted, *, by: StaffMember, reason: str | None = None) -> ExportBatch:
    """Claim, write, prove and keep; or refuse, and then nothing has happened.

    A target that holds donors' data wants a reason.
    """
    target = targets.known(wanted.target)
    people.require(by, *MAY_EXPORT)
    if target.holds_personal_data:
        reason = people.reason_given(reason or "")
    body = entity_named(session, wanted.entity_id)
    said = maps.current(session, target, wanted.entity_id)
    number = _next_number(session)
    if not _claim(session, target, wanted, number, said):
        raise NothingToExport(target.name)
    sums = journal.sums(session, target.name, number)
    totals = sums.by_currency
    used = gifts.funds_used(session, target.name, number) if target.holds_personal_data else sums.accounts
    if lacking := maps.missing(target, said, used):
        raise maps.NotMapped(target, lacking)
    if target.names_accounts and (same := alike(said.funds, maps.funds_of(session, body.id))):
        raise maps.NotMapped(target, [f"funds.{fund_id}, which would share an account" for fund_id in same])
    _require_home(
        target,
        said,
        gifts.currencies(session, target.name, number)
        if target.holds_personal_data
        else {currency: each["entries"] for currency, each in totals.items()},
    )
    frame = Frame(
        number=number,
        entity_id=body.id,
        entity_name=body.legal_name,
        first_day=wanted.first_day or _first_day(session, target, number),
        last_day=wanted.last_day,
        made_at=now(),
        chosen=Chosen(
            entity_id=body.id,
            first_day=wanted.first_day,
            last_day=wanted.last_day,
            currency=wanted.currency,
            granularity=Granularity(wanted.granularity),
            batch=(target.name, number),
        ),
        accounts=said.accounts,
        funds=said.funds,
        options=said.options,
        opened=_opened_before(session, target, body.id),
    )
    closed = closings.closed_through(session, body.id)
    control = Control()
    with tempfile.TemporaryFile() as spool:
        spooled = stored_files.spool(_written(session, target, frame, control), spool)
        _prove(target, control, totals)
        batch = ExportBatch(
            number=number,
            target=target.name,
            entity_id=body.id,
            first_day=wanted.first_day,
            last_day=wanted.last_day,
            granularity=Granularity(wanted.granularity).value,
            currency=wanted.currency,
            entry_count=sum(each["entries"] for each in totals.values()),
            totals=totals,
            control={"rows": control.rows, "sums": control.sums},
            settings={
                "map": said.content | {"version": said.version},
                "entity": {"legal_name": body.legal_name, "time_zone": body.time_zone},
                "closed_through": str(closed) if closed is not None else None,
                "opened": sorted(
                    {account_name(said.accounts, said.funds, *each) for each in used}
                    if target.names_accounts
                    else ()
                ),
            },
            file_name=_file_name(target, frame),
            size=spooled.size,
            sha256=spooled.sha256,
            made_by=by.id,
            made_at=frame.made_at,
        )
        session.add(batch)
        session.flush()
        stored_files.keep(session, number, spooled, spool)
    audit.note(
        session,
        by,
        "export.make",
        subject=f"export:{number}",
        reason=reason or f"for {target.name}",
        target=target.name,
        entity=body.id,
        entries=batch.entry_count,
        totals=totals,
        sha256=batch.sha256,
    )
    return batch


def download(
    session: Session, batch: ExportBatch, *, by: StaffMember, reason: str | None = None
) -> Iterator[bytes]:
    """The very bytes, in pieces. Who fetched them is noted before the first; a damaged file raises
    `ExportDamaged` at its end."""
    target = targets.known(batch.target)
    people.require(by, *(MAY_EXPORT if target.holds_personal_data else MAY_DOWNLOAD))
    if target.holds_personal_data:
        reason = people.reason_given(reason or "")
    audit.note(
        session,
        by,
        "export.download",
        subject=f"export:{batch.number}",
        reason=reason or f"for {target.name}",
        target=target.name,
        sha256=batch.sha256,
    )
    return stored_files.read(session, batch)


def listed(
    session: Session, *, target: str | None = None, limit: int | None = None, after: int | None = None
) -> list[ExportBatch]:
    """The newest first; `after` is the number of the last one of the page before."""
    wanted = select(ExportBatch).order_by(ExportBatch.number.desc()).limit(limit)
    if after is not None:
        wanted = wanted.where(ExportBatch.number < after)
    if target is not None:
        wanted = wanted.where(ExportBatch.target == targets.known(target).name)
    return list(session.scalars(wanted))


def find(session: Session, number: int) -> ExportBatch:
    """The batch, or `ExportBatchUnknown`."""
    found = session.get(ExportBatch, number)
    if found is None:
        raise ExportBatchUnknown(number)
    return found


def manifest(batch: ExportBatch) -> dict[str, Any]:
    """What travels beside the file: what is in it, what it must come to, and how to know it again."""
    return {
        "number": batch.number,
        "target": batch.target,
        "entity": batch.entity_id,
        "first_day": batch.first_day.isoformat() if batch.first_day is not None else None,
        "last_day": batch.last_day.isoformat(),
        "granularity": batch.granularity,
        "currency": batch.currency,
        "entries": batch.entry_count,
        "totals": batch.totals,
        "control": batch.control,
        "file": batch.file_name,
        "bytes": batch.size,
        "sha256": batch.sha256,
        "was_closed": _was_closed(batch),
        "made_at": batch.made_at.isoformat(),
        "made_by": batch.made_by,
        "settings": batch.settings,
    }


def _was_closed(batch: ExportBatch) -> bool:
    """Whether nothing more could be written into its days when it was made."""
    through = batch.settings["closed_through"]
    return through is not None and batch.last_day.isoformat() <= through


def _next_number(session: Session) -> int:
    """One export at a time: the numbers have no gap, and the second of two sees what the first has claimed.
    A big one takes longer than a request may."""
    session.execute(text("set local statement_timeout = '20min'"))
    session.execute(text("set local idle_in_transaction_session_timeout = '20min'"))
    session.execute(text("set local lock_timeout = '20min'"))
    # What is claimed a moment later is unknown to the planner, who takes it for a few rows and looks each up.
    session.execute(text("set local enable_nestloop = off"))
    session.execute(text("set local work_mem = '64MB'"))
    session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended("exports", 0))))
    return (session.scalar(select(func.max(ExportBatch.number))) or 0) + 1


def _claim(session: Session, target: Target, wanted: Wanted, number: int, said: maps.Map) -> int:
    """Everything of these days that never left for this target; how many."""
    not_left, given = departures.not_left(
        target,
        said,
        entity_id=wanted.entity_id,
        first_day=wanted.first_day,
        last_day=wanted.last_day,
        currency=wanted.currency,
    )
    claimed = session.execute(
        text(f"""
            insert into exported_entries (target, entry_number, batch_number)
            select :target, e.number, :number {not_left} order by e.number
        """),
        given | {"number": number},
    )
    return int(claimed.rowcount)  # type: ignore[attr-defined]  # the cursor of an insert has one


def _require_home(target: Target, said: maps.Map, counts: dict[str, int]) -> None:
    if not target.is_only_home_currency or said.options.get("multicurrency") == "true":
        return
    home = said.options["currency"]
    if others := {currency: count for currency, count in counts.items() if currency != home}:
        raise OtherCurrencies(target, home, others)


def _written(session: Session, target: Target, frame: Frame, control: Control) -> Iterator[bytes]:
    if target.of_rows is not None:
        return target.of_rows(session, frame, control)
    assert target.of_journals is not None  # noqa: S101 - a target writes in one of the two ways
    return target.of_journals(control.counting(journal.journals(session, frame.chosen)), frame, control)


def _prove(target: Target, control: Control, totals: dict[str, dict[str, int]]) -> None:
    """What was written comes to what was claimed."""
    if target.most_lines is not None and control.rows > target.most_lines:
        raise TooManyLines(target, control.rows)
    if target.of_journals is None:
        return
    booked = {currency: (each["debit"], each["credit"]) for currency, each in totals.items()}
    counted = {
        currency: (sums.get("debit", 0), sums.get("credit", 0)) for currency, sums in control.sums.items()
    }
    if counted != booked:
        raise ExportOutOfBalance(counted, booked)


def _first_day(session: Session, target: Target, number: int) -> date:
    first: date = session.execute(
        text("""
            select min(e.effective_on) from exported_entries x
            join journal_entries e on e.number = x.entry_number
            where x.target = :target and x.batch_number = :number
        """),
        {"target": target.name, "number": number},
    ).scalar_one()
    return first


def _opened_before(session: Session, target: Target, entity_id: str) -> frozenset[str]:
    names: set[str] = set()
    for settings in session.scalars(
        select(ExportBatch.settings).where(
            ExportBatch.target == target.name, ExportBatch.entity_id == entity_id
        )
    ):
        names |= set(settings["opened"])
    return frozenset(names)


def _file_name(target: Target, frame: Frame) -> str:
    days = (
        f"{frame.first_day:%Y-%m}"
        if (frame.first_day.year, frame.first_day.month) == (frame.last_day.year, frame.last_day.month)
        else f"{frame.first_day}-to-{frame.last_day}"
    )
    summed = _SUFFIXES.get(Granularity(frame.chosen.granularity), "")
    prefix = "EXTF_" if target.name == "datev" else ""
    return f"{prefix}almoner-{frame.number:04}-{target.name}-{frame.entity_id}-{days}{summed}{target.suffix}"
