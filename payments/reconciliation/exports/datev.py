"""DATEV: a Buchungsstapel in the EXTF format, version 700, category 21, format version 13.

One line a move, because DATEV thinks in account and contra account as our book does: the amount without a
sign, `S` for the debit of `Konto`. Line 1 says whose books and which days; line 2 names the 125 columns.
"""

from collections.abc import Iterator, Mapping
from datetime import date

from payments.errors import AlmonerError
from payments.reconciliation.exports.cells import BOM, cut, decimal, guard
from payments.reconciliation.exports.format import Control, Frame, Option, Target
from payments.reconciliation.exports.journal import Journal, Move

_LONGEST_DOCUMENT = 36
_LONGEST_TEXT = 60
_LONGEST_TITLE = 30
_MOST_LINES = 99_999


def _pairs(count: int, kind: str, content: str) -> tuple[str, ...]:
    return tuple(f"{name} {place}" for place in range(1, count + 1) for name in (kind, content))


COLUMNS = (
    *("Umsatz (ohne Soll/Haben-Kz)", "Soll/Haben-Kennzeichen", "WKZ Umsatz", "Kurs", "Basis-Umsatz"),
    *("WKZ Basis-Umsatz", "Konto", "Gegenkonto (ohne BU-Schlüssel)", "BU-Schlüssel", "Belegdatum"),
    *("Belegfeld 1", "Belegfeld 2", "Skonto", "Buchungstext", "Postensperre", "Diverse Adressnummer"),
    *("Geschäftspartnerbank", "Sachverhalt", "Zinssperre", "Beleglink"),
    *_pairs(8, "Beleginfo - Art", "Beleginfo - Inhalt"),
    *("KOST1 - Kostenstelle", "KOST2 - Kostenstelle", "Kost-Menge", "EU-Land u. UStID (Bestimmung)"),
    *("EU-Steuersatz (Bestimmung)", "Abw. Versteuerungsart", "Sachverhalt L+L", "Funktionsergänzung L+L"),
    *("BU 49 Hauptfunktionstyp", "BU 49 Hauptfunktionsnummer", "BU 49 Funktionsergänzung"),
    *_pairs(20, "Zusatzinformation - Art", "Zusatzinformation- Inhalt"),
    *("Stück", "Gewicht", "Zahlweise", "Forderungsart", "Veranlagungsjahr", "Zugeordnete Fälligkeit"),
    *("Skontotyp", "Auftragsnummer", "Buchungstyp", "USt-Schlüssel (Anzahlungen)"),
    *("EU-Land (Anzahlungen)", "Sachverhalt L+L (Anzahlungen)", "EU-Steuersatz (Anzahlungen)"),
    *("Erlöskonto (Anzahlungen)", "Herkunft-Kz", "Buchungs GUID", "KOST-Datum", "SEPA-Mandatsreferenz"),
    *("Skontosperre", "Gesellschaftername", "Beteiligtennummer", "Identifikationsnummer"),
    *("Zeichnernummer", "Postensperre bis", "Bezeichnung SoBil-Sachverhalt", "Kennzeichen SoBil-Buchung"),
    *("Festschreibung", "Leistungsdatum", "Datum Zuord. Steuerperiode", "Fälligkeit"),
    *("Generalumkehr (GU)", "Steuersatz", "Land", "Abrechnungsreferenz", "BVV-Position"),
    *("EU-Land u. UStID (Ursprung)", "EU-Steuersatz (Ursprung)", "Abw. Skontokonto"),
)
_PLACE = {name: place for place, name in enumerate(COLUMNS)}


class TwoFiscalYears(AlmonerError):
    """A line of DATEV's says day and month and no year."""

    def __init__(self) -> None:
        super().__init__(
            "The days lie in two fiscal years, and a DATEV file is of one. Export up to the last day of the"
            " first year, then from the first day of the second."
        )


def _write(journals: Iterator[Journal], frame: Frame, control: Control) -> Iterator[bytes]:
    encoding = frame.options["encoding"]
    if encoding == "utf-8":
        yield BOM
    for line in (_header(frame), ";".join(COLUMNS)):
        yield f"{line}\r\n".encode(encoding, "replace")
    for journal in journals:
        for move in journal.moves:
            control.rows += 1
            yield f"{_line(journal, move, frame)}\r\n".encode(encoding, "replace")


def _header(frame: Frame) -> str:
    options = frame.options
    begins = _fiscal_year(frame.first_day, options["fiscal_year"])
    if begins != _fiscal_year(frame.last_day, options["fiscal_year"]):
        raise TwoFiscalYears
    made = frame.made_at.strftime("%Y%m%d%H%M%S") + f"{frame.made_at.microsecond // 1000:03}"
    title = cut(f"Almoner {frame.number} {frame.first_day:%Y-%m}", _LONGEST_TITLE)
    return ";".join(
        (
            *('"EXTF"', "700", "21", '"Buchungsstapel"', "13", made, "", '"RE"', '""', '""'),
            *(options["consultant"], options["client"], f"{begins:%Y%m%d}", options["account_length"]),
            *(f"{frame.first_day:%Y%m%d}", f"{frame.last_day:%Y%m%d}", _text(title), '""', "1", "0", "0"),
            *(_text(options["currency"].upper()), "", '""', "", "", '""', "", "", '""', '""'),
        )
    )


def _line(journal: Journal, move: Move, frame: Frame) -> str:
    debit, credit = move.sides
    cells = [""] * len(COLUMNS)

    def put(column: str, cell: str) -> None:
        cells[_PLACE[column]] = cell

    put("Umsatz (ohne Soll/Haben-Kz)", decimal(move.amount, journal.currency).replace(".", ","))
    put("Soll/Haben-Kennzeichen", '"S"')
    put("WKZ Umsatz", _text(journal.currency.upper()))
    put("Konto", frame.account(debit))
    put("Gegenkonto (ohne BU-Schlüssel)", frame.account(credit))
    put("Belegdatum", f"{journal.day:%d%m}")
    put("Belegfeld 1", _text(cut(journal.number, _LONGEST_DOCUMENT)))
    put("Buchungstext", _text(cut(guard(journal.memo), _LONGEST_TEXT)))
    if cost_centre := frame.fund(debit) or frame.fund(credit):
        put("KOST1 - Kostenstelle", _text(cost_centre))
    put("Festschreibung", "0")
    return ";".join(cells)


def _text(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"'


def _mistakes(accounts: Mapping[str, str], options: Mapping[str, str]) -> Iterator[str]:
    """A number that is too short is read with noughts before it, and is another account."""
    length = options["account_length"]
    for key, number in accounts.items():
        if length.isdecimal() and len(number) not in (int(length), int(length) + 1):
            yield (
                f"accounts.{key}: {number!r} has {len(number)} digits. With options.account_length {length}"
                f" an account has {length}, and a person's one more."
            )


def _fiscal_year(day: date, begins: str) -> date:
    month, first = (int(part) for part in begins.split("-"))
    beginning = date(day.year, month, first)
    return beginning if beginning <= day else date(day.year - 1, month, first)


TARGET = Target(
    name="datev",
    title="DATEV, Buchungsstapel in the EXTF format (700, 21).",
    suffix=".csv",
    trap="DATEV wants the file's name to begin with `EXTF_`. Give accounts without automatic tax:"
    " Automatikkonten compute VAT of every gift."
    " Lines come unlocked (Festschreibung 0); the adviser locks them.",
    options={
        "currency": Option("The currency of the books.", "eur", "[a-z]{3}"),
        "consultant": Option("Beraternummer.", pattern=r"[1-9]\d{3,6}"),
        "client": Option("Mandantennummer.", pattern=r"[1-9]\d{0,4}"),
        "fiscal_year": Option(
            "When the fiscal year begins, as MM-DD.", "01-01", r"(0[1-9]|1[0-2])-(0[1-9]|1\d|2[0-8])"
        ),
        "account_length": Option("Sachkontenlänge.", "4", "[4-8]"),
        "encoding": Option(
            "`cp1252` for older programs; Korean letters are lost then.", "utf-8", "utf-8|cp1252"
        ),
    },
    of_journals=_write,
    is_only_home_currency=True,
    account_pattern=r"[1-9]\d{3,8}",
    mistakes=_mistakes,
    fund_pattern=r"[A-Za-z0-9 _.\-]{0,36}",
    most_lines=_MOST_LINES,
)
