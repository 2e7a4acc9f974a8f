"""The audit pack: one zip that an auditor draws again, with the same seed, to the same bytes.

Nothing in it is of the moment in which it was drawn, so two zips differ only where the books do. No donor
is named unless somebody who sees donors asks for it (decision 0037). Gifts are read one after the other and
their rows wait in temporary files: a sample may be as large as it likes.
"""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from tempfile import SpooledTemporaryFile
from typing import IO, Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.audit import drawings, period, sampling, telling
from payments.audit.chain import Reader
from payments.audit.controls import ControlTotal, control_totals
from payments.audit.gaps import gaps_of
from payments.audit.masking import without_names
from payments.audit.sampling import Layer, Plan
from payments.audit.telling import Row, written
from payments.privacy.searching import MAY_SEE_NAMES
from payments.reconciliation.exports.cells import major
from payments.reconciliation.sealed_zip import SealedZip
from payments.staff import people
from payments.staff.models import StaffMember
from payments.supporters.donors import Donor

_IN_MEMORY = 1 << 20
_PIECE = 1 << 18
_CONTROLS = ("currency", "what", "amount", "against", "other", "difference")
_DONORS = ("donor", "name", "email")


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What was drawn."""

    gifts: int
    """In the sample."""
    gaps: int
    """Things that are missing of these gifts' ways or do not agree."""
    layers: Sequence[Layer]
    controls: Sequence[ControlTotal]

    @property
    def differing(self) -> Sequence[ControlTotal]:
        """Control totals that do not agree."""
        return [each for each in self.controls if each.difference]


def draw(
    session: Session, plan: Plan, into: IO[bytes], *, by: StaffMember, names_because: str | None
) -> Summary:
    """Write the pack, and who drew it into the audit log. With a reason in `names_because` it names donors.

    The session must read one picture of the books (`database.one_picture`).
    """
    people.require(by, *people.MAY_READ)
    is_named = names_because is not None
    if names_because is not None:
        people.require(by, *MAY_SEE_NAMES)
        names_because = people.reason_given(names_because)
    session.execute(text("set local statement_timeout = '10min'"))
    layers = sampling.layers(session, plan)
    controls = control_totals(session, plan.stretch, layers)
    staff = people.names(session)
    with ExitStack() as open_files:
        tables = {
            name: open_files.enter_context(_Table(columns)) for name, columns in telling.COLUMNS.items()
        }
        donors = _sampled(session, plan, layers, tables, staff, is_named=is_named)
        zip_ = SealedZip(into)
        zip_.add("README.txt", [_README.encode()])
        files: dict[str, Iterable[bytes]] = {name: table.chunks() for name, table in tables.items()}
        files |= _of_the_stretch(session, plan, controls, staff, is_named=is_named)
        if is_named:
            files["donors.csv"] = _as_csv(_DONORS, _names(session, donors))
        for name in sorted(files):
            zip_.add(name, files[name])
        sampled, gaps = tables["sample.csv"].rows, tables["gaps.csv"].rows
        manifest = _manifest(plan, layers, sampled=sampled, gaps=gaps, is_named=is_named)
        manifest |= {"controls_differ": sum(1 for each in controls if each.difference)}
        manifest |= {"files": dict(zip_.written)}
        zip_.add("manifest.json", [json.dumps(manifest, indent=1, ensure_ascii=False).encode() + b"\n"])
        zip_.close()
    drawings.note(session, plan, "pack", gifts=sampled, by=by, names_because=names_because)
    return Summary(gifts=sampled, gaps=gaps, layers=layers, controls=controls)


class _Table:
    """A CSV file in the making; past a mebibyte it is on disk."""

    def __init__(self, columns: Sequence[str]) -> None:
        self.rows = 0
        self._columns = columns
        self._file = SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - closed by `__exit__`
        self._file.write(_line(columns))

    def __enter__(self) -> "_Table":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, row: Row) -> None:
        """One row, as wide as its head."""
        assert len(row) == len(self._columns), self._columns  # noqa: S101 - our own table
        self._file.write(_line(row))
        self.rows += 1

    def chunks(self) -> Iterator[bytes]:
        """All of it."""
        self._file.seek(0)
        while piece := self._file.read(_PIECE):
            yield piece


def _sampled(
    session: Session,
    plan: Plan,
    layers: Sequence[Layer],
    tables: Mapping[str, _Table],
    staff: Mapping[str, str],
    *,
    is_named: bool,
) -> set[str]:
    """Fill the tables of the sample; the ids of its donors, if they are to be named."""
    reader, donors = Reader(session), set[str]()
    for drawn in sampling.drawn(session, plan, layers):
        chain = reader.chain(drawn.id)
        masked = partial(_masked, personal=chain.personal, is_named=is_named)
        for table, row in telling.rows_of(chain, drawn, list(gaps_of(chain)), staff=staff, masked=masked):
            tables[table].add(row)
        if is_named:
            donors.add(chain.gift.donor_id)
    return donors


def _masked(words: str | None, *, personal: Sequence[str], is_named: bool) -> str | None:
    return words if words is None or is_named else without_names(words, personal)


def _of_the_stretch(
    session: Session,
    plan: Plan,
    controls: Sequence[ControlTotal],
    staff: Mapping[str, str],
    *,
    is_named: bool,
) -> dict[str, Iterable[bytes]]:
    stretch = plan.stretch
    rows: dict[str, Iterable[Row]] = {
        "staff.csv": period.staff(session, stretch),
        "deeds.csv": period.deeds(session, stretch, is_named=is_named),
        "months.csv": (month.row(staff) for month in period.months(session, stretch)),
        "erasures.csv": period.erasures(session, stretch),
    }
    files: dict[str, Iterable[bytes]] = {name: _as_csv(period.COLUMNS[name], rows[name]) for name in rows}
    return files | {"controls.csv": _as_csv(_CONTROLS, map(_control, controls))}


def _control(each: ControlTotal) -> Row:
    currency = each.one.currency
    one, other, difference = (
        major(amount.minor, currency) for amount in (each.one, each.other, each.difference)
    )
    return (currency, each.what, one, each.against, other, difference)


def _names(session: Session, donor_ids: set[str]) -> Iterator[Row]:
    for donor_id in sorted(donor_ids):
        donor = session.get_one(Donor, donor_id)
        yield (donor.id, donor.name, donor.email)


def _manifest(
    plan: Plan, layers: Sequence[Layer], *, sampled: int, gaps: int, is_named: bool
) -> dict[str, Any]:
    stretch = plan.stretch
    return {
        "entity": stretch.entity_id,
        "legal_name": stretch.first.legal_name,
        "first_month": stretch.first.name,
        "last_month": stretch.last.name,
        "time_zone": stretch.time_zone,
        "drawn_by": drawings.plain(plan),
        "names_donors": is_named,
        "drawn_from": {
            layer.currency: {
                "gifts": layer.gifts,
                "amount_minor": layer.amount,
                "taken_whole": layer.large,
                "taken_whole_minor": layer.large_amount,
            }
            for layer in layers
        },
        "sampled": sampled,
        "gaps": gaps,
    }


def _as_csv(columns: Sequence[str], rows: Iterable[Row]) -> Iterator[bytes]:
    yield _line(columns)
    for row in rows:
        yield _line(row)


def _line(row: Sequence[Any]) -> bytes:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow([written(cell) for cell in row])
    return line.getvalue().encode()


_README = """\
A sample of the gifts of one legal body, drawn for an auditor, with the whole way of each gift; and what
people did about money in the same months.

manifest.json       the seed and how it was drawn, how many there were, and the SHA-256 of every other file
sample.csv          the gifts of the sample, one a line: start here
gaps.csv            what is missing of their ways, or does not agree, in plain words
events.csv          what Stripe said of them: ids, times, and the SHA-256 of each body as it is kept
movements.csv       Stripe's balance transactions of them: gross, fee, net
journal.csv         their entries, one line a move: from the credit account to the debit account
receipts.csv        their receipts: number, the SHA-256 of what each says, and of its page
money_back.csv      refunds, disputes and what is owed: who asked, who agreed
payouts.csv         the payouts that carried them, with proof, and the bank's line with who matched it
deeds_of_gifts.csv  what people did about them
controls.csv        the list that was drawn from, against charges, Stripe's movements and the book
months.csv          each month: closed by whom, the SHA-256 of its pack, whether the book still says so
deeds.csv           every deed of these months that touched money, with who and why
staff.csv           who was given which role, when and by whom
erasures.csv        how many donors were erased
donors.csv          names and e-mail addresses; only where the pack names donors

How to draw it again. By number: the ticket of a gift is the SHA-256 of the seed, a colon and the gift's id;
of the gifts that are not taken whole, those with the lowest tickets are drawn. By money: of each currency
the gifts that are not taken whole stand in a row by day and id, T minor units long; n units are hit, unit
number (r + k * T) // n for k from 0 to n - 1, where r is the SHA-256 of the seed, a colon and the currency,
modulo T.

How to hold it against the rest. pack_sha256 is that of the file that `almoner close pack` hands out; the
bytes of a receipt's page come from `almoner receipts save`. A kept body whose donor was erased is redacted,
and says so.

Amounts are in the currency beside them; amount_minor is in its smallest unit. Instants are in UTC. Unless
there is a donors.csv, no file names a donor: out of words that people typed, the names of the donors they are
about are taken, and every e-mail address.
"""
