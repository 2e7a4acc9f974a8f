"""What stands in a cell: text that no spreadsheet takes for a formula, and amounts that every one can read.

A text is guarded where it begins, and again behind a comma or semicolon: a spreadsheet of another country
cuts the line there and drops the quotes. Amounts are made here from whole numbers and are never guarded.
"""

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal

from payments.money import THREE_DECIMAL, ZERO_DECIMAL, Money

BOM = "\ufeff".encode()
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_FORMULA = re.compile(r'(^|[;,])("*[=+\-@＝＋－＠])')
_ROWS_AT_ONCE = 500


def fold(text: str) -> str:
    """On one line: tabs, line breaks and other controls become a blank, and none is at either end."""
    return _CONTROLS.sub(" ", text).strip(" ")


def guard(text: str | None) -> str:
    """One line that a spreadsheet shows and does not compute."""
    return _FORMULA.sub(r"\1'\2", fold(text)) if text else ""


def is_formula(text: str) -> bool:
    """Whether a spreadsheet could take it, or a part of it, for a formula."""
    return _FORMULA.search(text) is not None


def guard_in_sql(expression: str) -> str:
    """The same as `guard`, said to PostgreSQL."""
    folded = (
        rf"btrim(regexp_replace({expression}, '[\u0001-\u001f\u007f-\u009f\u2028\u2029]+', ' ', 'g'), ' ')"
    )
    return rf"regexp_replace({folded}, '(^|[;,])(\"*[=+@＝＋－＠-])', '\1''\2', 'g')"


def cut(text: str, most: int) -> str:
    """At most so many letters. A letter of Korean may be stored as three; those stay together."""
    if len(text) <= most:
        return text
    while most and _continues(text[most]):
        most -= 1
    return text[:most].rstrip(" ")


def _continues(letter: str) -> bool:
    """Whether it belongs to the letter before: combining marks, and the vowels and finals of split Hangul."""
    return unicodedata.combining(letter) > 0 or "\u1160" <= letter <= "\u11ff" or letter in "\u200d\ufe0f"


def decimal(minor: int, currency: str) -> str:
    """`-25.00`, `25000` for won, `2.500` for dinars: a point, no grouping."""
    return str(Money(minor, currency).major)


def major(minor: int, currency: str) -> Decimal:
    """The same as a number."""
    return Money(minor, currency).major


def decimal_in_sql(minor: str, currency: str) -> str:
    """The same as `decimal`, said to PostgreSQL: the scale of the factor is the scale of the answer."""
    return (
        f"{minor} * case when {currency} in ({_listed(ZERO_DECIMAL)}) then 1::numeric"
        f" when {currency} in ({_listed(THREE_DECIMAL)}) then 0.001 else 0.01 end"
    )


def _listed(words: Iterable[str]) -> str:
    return ", ".join(f"'{word}'" for word in sorted(words))


def csv_lines(
    rows: Iterable[Sequence[str]],
    *,
    delimiter: str = ",",
    line_end: str = "\r\n",
    encoding: str = "utf-8",
) -> Iterator[bytes]:
    """Rows as CSV in pieces of a few hundred; quotes only where they are needed."""
    page = io.StringIO()
    writer = csv.writer(page, delimiter=delimiter, lineterminator=line_end)
    for count, row in enumerate(rows, start=1):
        writer.writerow(row)
        if count % _ROWS_AT_ONCE == 0:
            yield page.getvalue().encode(encoding, "replace")
            page.seek(0)
            page.truncate()
    yield page.getvalue().encode(encoding, "replace")
