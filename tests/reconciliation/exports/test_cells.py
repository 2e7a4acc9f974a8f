"""No text that anybody can type becomes a formula, and amounts stay numbers."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from payments.reconciliation.exports.cells import (
    csv_lines,
    cut,
    decimal,
    decimal_in_sql,
    fold,
    guard,
    guard_in_sql,
    is_formula,
)

_SEEDS = st.sampled_from(
    [
        "=",
        "+",
        "-",
        "@",
        "＝",
        "＋",
        "－",
        "＠",
        "\t",
        "\r",
        "\n",
        ",",
        ";",
        '"',
        "'",
        " ",
        "1+1",
        "김",
        "a",
        "\u2028",
    ]
)
NASTY = st.lists(_SEEDS | st.characters(codec="utf-8", exclude_characters="\0"), max_size=12).map("".join)


@given(NASTY)
def test_no_cell_begins_like_a_formula_wherever_a_spreadsheet_cuts_the_line(typed: str) -> None:
    (line,) = b"".join(csv_lines([[guard(typed), "end"]])).decode().splitlines()

    for delimiter in (",", ";"):
        for cell in next(csv.reader(io.StringIO(line), delimiter=delimiter)):
            assert not cell.startswith(("=", "+", "-", "@", "＝", "＋", "－", "＠", "\t", "\r"))
    for cut_anywhere in line.replace('"', "").replace(";", ",").split(","):
        assert not cut_anywhere.startswith(("=", "+", "-", "@", "＝", "＋", "－", "＠"))


@given(NASTY)
def test_the_guard_takes_no_letter_away(typed: str) -> None:
    assert guard(typed).replace("'", "") == fold(typed).replace("'", "")


@given(NASTY)
def test_what_is_guarded_stays_as_it_is(typed: str) -> None:
    assert guard(guard(typed)) == guard(typed)
    assert not is_formula(guard(typed))


def test_postgresql_guards_the_same(session: Session) -> None:
    typed = ["=1", "+1-800", "-", "@x", "＝1", "a;=1", "a,-b", "a, =1", "\t=1", "x\r\n=1", '김하늘 "주"']
    typed += [" =", "", "a-b+c=d", "\u2028=1", "\x7f@", ";;=", "'=1", "===", "é\u0301", 'a;"=1', '"=1']

    guarded = [session.scalar(select(text(guard_in_sql(":w")).bindparams(w=each))) for each in typed]

    assert guarded == [guard(each) for each in typed]


@pytest.mark.parametrize(
    ("minor", "currency", "written"),
    [
        (2500, "usd", "25.00"),
        (-5, "usd", "-0.05"),
        (25000, "krw", "25000"),
        (-1, "jpy", "-1"),
        (12500, "kwd", "12.500"),
        (0, "eur", "0.00"),
    ],
)
def test_amounts_have_the_decimals_of_their_currency_and_no_guard(
    minor: int, currency: str, written: str, session: Session
) -> None:
    amount = decimal_in_sql("cast(:minor as bigint)", ":currency")
    in_sql = session.scalar(select(text(f"({amount})::text").bindparams(minor=minor, currency=currency)))

    assert decimal(minor, currency) == in_sql == written


@given(NASTY, st.integers(1, 12))
def test_a_cut_text_is_a_beginning_of_it(typed: str, most: int) -> None:
    assert len(cut(typed, most)) <= most
    assert typed.startswith(cut(typed, most))


def test_a_letter_of_split_hangul_is_not_cut_in_its_middle() -> None:
    split = "\u1112\u1161\u11ab\u1100\u1173\u11af"  # 한글, as a Mac writes it into names of files

    assert cut(split, 5) == "\u1112\u1161\u11ab"
    assert cut("한글", 1) == "한"
    assert cut("e\u0301a", 1) == ""
