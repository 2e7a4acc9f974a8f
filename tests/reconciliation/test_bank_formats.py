"""Each format of a bank, read to the same plain facts; and what is wrong refused in one sentence."""

import re
from datetime import date

import pytest

from payments.reconciliation.formats.csv_profile import ProfileWrong, profile_of
from payments.reconciliation.statements import Line, StatementRefused
from tests.reconciliation.bank_files import CURRENCIES, profile, read, read_sample, sample

NOV_4, NOV_5, NOV_6, NOV_7 = (date(2026, 11, day) for day in (4, 5, 6, 7))


@pytest.mark.parametrize(
    ("name", "days", "balances", "amounts"),
    [
        ("camt053_v02.xml", (NOV_5, NOV_5), (100000, 122980), [24230, -1250]),
        ("camt053_v08.xml", (NOV_6, NOV_6), (122980, -2020), [2500, 2500, -130000]),
        ("two_days.mt940", (NOV_5, NOV_6), (100000, -2020), [24230, -1250, 2500, 2500, -130000]),
        ("november.ofx", (NOV_5, NOV_6), (None, 127980), [24230, -1250, 2500, 2500]),
        ("november_2.ofx", (NOV_6, NOV_7), (None, 127000), [2500, 2500, -980]),
        ("one_day.bai2", (NOV_5, NOV_5), (100000, 127980), [24230, -1250, 5000]),
        ("german.csv", (NOV_5, NOV_6), (100000, -2020), [24230, -1250, 2500, 2500, -130000]),
        ("korean.csv", (NOV_5, NOV_6), (1000000, 1291300), [50000, -1000, 242300]),
        ("american.csv", (NOV_5, NOV_6), (None, None), [124230, -1250, 2500, 2500]),
    ],
)
def test_every_format_tells_its_days_balances_and_amounts(name: str, days, balances, amounts):
    told = read_sample(name)

    assert (told.first_day, told.last_day) == days
    assert (told.opening, told.closing) == balances
    assert [line.amount for line in told.lines] == amounts
    assert told.currency == CURRENCIES[name]


@pytest.mark.parametrize(
    ("name", "account"),
    [
        ("camt053_v02.xml", "DE02120300000000202051"),
        ("two_days.mt940", "0000202051"),
        ("november.ofx", "4455667788"),
        ("one_day.bai2", "4455667788"),
    ],
)
def test_a_file_tells_whose_it_is_and_is_refused_for_another_account(name: str, account: str):
    assert read_sample(name).account_number == account
    assert read_sample(name, number=account).lines
    with pytest.raises(StatementRefused, match="not of DE89370400440532013000"):
        read_sample(name, number="DE89370400440532013000")


def test_of_a_file_of_several_accounts_only_one_is_taken_by_its_number():
    checking = sample("november.ofx")
    begins, ends = checking.index(b"<STMTRS>"), checking.index(b"</STMTRS>")
    savings = checking[begins:ends].replace(b"4455667788", b"9900112233").replace(b"25.00", b"99.00")
    both = checking[:begins] + savings + b"</STMTRS>" + checking[begins:]

    assert read(both, currency="usd", number="4455667788").lines == read_sample("november.ofx").lines
    with pytest.raises(StatementRefused, match="of several accounts: 4455667788, 9900112233"):
        read(both, currency="usd")


def test_the_number_of_an_account_is_the_same_in_every_spelling():
    assert read_sample("two_days.mt940", number="DE02120300000000202051").lines
    assert read_sample("camt053_v02.xml", number="DE02 1203 0000 0000 2020 51").lines


def test_camt_tells_who_paid_what_for_and_the_bank_s_own_name_of_the_line():
    payout, returned = read_sample("camt053_v02.xml").lines

    assert payout == Line(
        booked_on=NOV_5,
        value_on=NOV_5,
        amount=24230,
        bank_reference="2026110500001",
        payment_reference="STRIPE-A1B2C3",
        counterparty="STRIPE PAYMENTS EUROPE",
        text="STRIPE PAYOUT EXAMPLE RELIEF",
    )
    assert (returned.value_on, returned.text) == (NOV_4, "RETURNED DIRECT DEBIT")


def test_a_charge_in_the_details_of_a_credit_does_not_turn_it_round():
    assert b"<Chrgs><Rcrd>" in sample("camt053_v02.xml")
    assert read_sample("camt053_v02.xml").lines[0].amount == 24230


def test_the_sign_of_a_reversal_in_camt_is_already_the_real_one():
    assert b"<RvslInd>true</RvslInd>" in sample("camt053_v02.xml")
    assert read_sample("camt053_v02.xml").lines[1].amount == -1250


def test_what_the_bank_has_only_announced_waits_until_it_is_booked():
    told = read_sample("camt053_v02.xml")

    assert told.left_out == 1
    assert 7700 not in [line.amount for line in told.lines]


def test_a_batch_is_told_apart_only_where_its_parts_come_to_the_whole():
    apart = read_sample("camt053_v08.xml")
    whole = read(sample("camt053_v08.xml").replace(b"25.00", b"24.00"))

    assert [line.counterparty for line in apart.lines[:2]] == ["Jörg Müller"] * 2
    assert [line.amount for line in whole.lines] == [5000, -130000]


def test_a_reversal_of_a_credit_in_mt940_takes_money_away():
    returned = read_sample("two_days.mt940").lines[1]

    assert (returned.amount, returned.booked_on, returned.value_on) == (-1250, NOV_5, NOV_4)


def test_a_line_of_mt940_has_its_own_reference_and_not_the_statement_s():
    told = read_sample("two_days.mt940")

    assert told.lines[0].payment_reference == "STRIPE-A1B2C3"
    assert told.lines[0].bank_reference == "2026110500001"
    assert "STARTUMSE" not in {line.payment_reference for line in told.lines}


def test_a_bank_line_across_the_new_year_is_booked_in_its_own_year():
    told = read(
        b":20:S\n:25:1/202051\n:28C:1/1\n:60F:C261231EUR0,00\n"
        b":61:2701011231C5,00NTRFNONREF\n:86:x\n:62F:C261231EUR5,00\n-\n"
    )

    assert (told.lines[0].booked_on, told.lines[0].value_on) == (date(2026, 12, 31), date(2027, 1, 1))


def test_a_balance_of_ofx_that_is_of_another_day_than_the_list_is_not_believed():
    later = sample("november.ofx").replace(b"1279.80<DTASOF>20261106", b"1000.00<DTASOF>20261109")

    assert read(later, currency="usd").closing is None


def test_several_files_of_bai2_in_one_are_all_read():
    day = sample("one_day.bai2")
    following = day.replace(b"261105", b"261106").replace(b"010,100000", b"010,127980")
    following = following.replace(b"015,127980", b"015,155960").replace(b"258460", b"314420")

    told = read(day + following, currency="usd")

    assert (told.first_day, told.last_day, len(told.lines)) == (NOV_5, NOV_6, 6)
    assert (told.opening, told.closing) == (100000, 155960)


def test_letters_that_are_longer_in_capitals_shift_nothing_in_ofx():
    told = read(sample("november.ofx").replace(b"STRIPE TRANSFER", b"\xdf" * 200), currency="usd")

    assert [line.amount for line in told.lines] == [24230, -1250, 2500, 2500]
    assert (told.lines[1].text, told.closing) == ("CHECK 1207", 127980)


def test_a_line_of_ofx_that_the_bank_has_converted_is_read_and_a_foreign_one_refused():
    abroad = b"<ORIGCURRENCY><CURRATE>1.17<CURSYM>EUR</ORIGCURRENCY></STMTTRN>"
    converted = sample("november.ofx").replace(b"</STMTTRN>", abroad, 1)

    assert read(converted, currency="usd").lines[0].amount == 24230
    with pytest.raises(StatementRefused, match="another currency than its account"):
        read(converted.replace(b"ORIGCURRENCY", b"CURRENCY"), currency="usd")


@pytest.mark.parametrize("charset", [b"1252", b"ISO-8859-1", b"8859-1", b"NONE"])
def test_words_of_ofx_are_written_out(charset: bytes):
    told = read(sample("november.ofx").replace(b"CHARSET:1252", b"CHARSET:" + charset), currency="usd")

    assert told.lines[0].text == "STRIPE TRANSFER ST-A1B2C3 Café & Co"


@pytest.mark.parametrize(
    ("name", "spoil", "by", "sentence"),
    [
        ("camt053_v02.xml", b"1229.80", b"1229.79", "lines do not add up"),
        ("camt053_v02.xml", b'<Amt Ccy="EUR">12.50', b'<Amt Ccy="EUR">12.51', "a difference of EUR 0.01"),
        ("camt053_v02.xml", b'Ccy="EUR">12.50', b'Ccy="USD">12.50', "not in EUR"),
        ("camt053_v02.xml", b"camt.053.001.02", b"camt.052.001.02", "Ask the bank for the daily statement"),
        ("camt053_v02.xml", b"camt.053.001.02", b"camt.054.001.02", "notice of single bookings"),
        ("camt053_v02.xml", b"</BkToCstmrStmt>", b"", "cut off or broken"),
        ("camt053_v02.xml", b"242.30", b"242.3O", "no amount"),
        ("camt053_v02.xml", b"2026-11-05T00:00", b"2026-13-05T00:00", "is no day"),
        (
            "camt053_v02.xml",
            b"<Document",
            b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><Document',
            "entities of its own",
        ),
        ("two_days.mt940", b"D261106EUR20,20", b"D261106EUR20,21", "lines do not add up"),
        ("two_days.mt940", b":62F:D261106EUR20,20\n-\n", b"", "no opening or no closing balance"),
        ("two_days.mt940", b":61:2611051105CR242,30", b":61:nonsense", "cut off or broken"),
        ("two_days.mt940", b":60F:C261105EUR1229,80", b":60F:C261105EUR1229,81", "lines do not add up"),
        ("november.ofx", b"</OFX>", b"", "it has no end"),
        ("november.ofx", b"<TRNAMT>25.00<FITID>F-1003", b"<FITID>F-1003", "no amount or no day"),
        ("november.ofx", b"20261105<TRNAMT>-12", b"20261305<TRNAMT>-12", "is no day"),
        ("november.ofx", b"<TRNAMT>25.00", b"<TRNAMT>25,000", "“25,000” is no amount"),
        ("november.ofx", b"<TRNAMT>25.00", b"<TRNAMT>2.5E3", "“2.5E3” is no amount"),
        ("november.ofx", b"ADA PARK", b"ADA\x00PARK", "no text has (NUL)"),
        ("two_days.mt940", b"EXAMPLE", b"EX\x00MPLE", "no text has (NUL)"),
        ("one_day.bai2", b"STRIPE", b"STRI\x00E", "no text has (NUL)"),
        ("november.ofx", b"<CURDEF>USD", b"", "does not tell its currency"),
        ("november_2.ofx", b"<?OFX", b'<!DOCTYPE x [<!ENTITY e "x">]><?OFX', "entities of its own"),
        ("one_day.bai2", b",1250,", b",1251,", "control totals"),
        ("one_day.bai2", b"015,127980,", b"015,127981,", "control totals"),
        ("one_day.bai2", b"99,258460,1,10/", b"", "cut off or broken"),
        ("one_day.bai2", b"16,475,", b"16,979,", "not read"),
        ("one_day.bai2", b",,,2/", b",,,3/", "version 2"),
        ("german.csv", b";-12,50;", b";-12,51;", "Line 8 of the file: the balance beside it"),
        ("german.csv", b"Betrag", b"Umsatz", "no heading “Betrag”"),
        ("german.csv", b"05.11.2026;04", b"2026-11-05;04", "no day like DD.MM.YYYY"),
        ("german.csv", b";-12,50;", b";-12.50;", "no amount with the profile's decimal “,”"),
        ("korean.csv", b"2026.11.06", b"\xff\xfe.11.06", "not written in cp949"),
        ("korean.csv", b',,"242,300"', b',"1","242,300"', "an amount in both columns"),
        ("korean.csv", b'"242,300"', b'"242,300.50"', "no amount of KRW"),
        (
            "american.csv",
            b"Amount",
            b"Amount,Amount",
            "more than one heading “Amount”. Write the column's place",
        ),
        ("american.csv", b"Debit", b"Ausgang", "neither in direction_in nor in direction_out"),
        ("american.csv", b"$12.50", b"$12,50", "more columns than the headings"),
        ("american.csv", b"$12.50", b'"$12,50"', "no amount"),
        ("american.csv", b"$12.50", b"-$12.50", "a minus beside “Debit”"),
        ("german.csv", b";-12,50;", b";-12,50-;", "no amount"),
        ("german.csv", b";-12,50;", b";(12,50;", "no amount"),
    ],
)
def test_a_wrong_file_is_refused_in_a_sentence(name: str, spoil: bytes, by: bytes, sentence: str):
    assert spoil in sample(name)
    csv = name.removesuffix(".csv") if name.endswith(".csv") else None

    with pytest.raises(StatementRefused) as refused:
        read(sample(name).replace(spoil, by, 1), currency=CURRENCIES[name], csv=csv)

    assert sentence in str(refused.value)
    assert re.search(r"[.!]$", str(refused.value))


@pytest.mark.parametrize(
    ("file", "sentence"),
    [
        (b"", "empty"),
        (b"  \n", "empty"),
        (b"PK\x03\x04rest", "ZIP archive or a spreadsheet"),
        (b"%PDF-1.7", "PDF"),
        (b"\x1f\x8b\x08", "Unpack it"),
        (b"hello", "neither CAMT.053, MT940, OFX nor BAI2"),
        (b"<html><body>Your session has ended</body></html>", "neither CAMT.053"),
    ],
)
def test_what_is_no_statement_is_refused_in_a_sentence(file: bytes, sentence: str):
    with pytest.raises(StatementRefused, match=sentence):
        read(file)


@pytest.mark.parametrize("name", CURRENCIES)
def test_a_file_cut_off_anywhere_is_never_half_read(name: str):
    """Whatever is left of a file either ends in a sentence or still proves itself."""
    file = sample(name)
    csv = name.removesuffix(".csv") if name.endswith(".csv") else None
    whole = read_sample(name)
    for end in range(0, len(file), max(1, len(file) // 60)):
        try:
            told = read(file[:end], currency=CURRENCIES[name], csv=csv)
        except StatementRefused:
            continue
        # Without an end of their own, MT940 and CSV may lose whole days or lines at the end and no more.
        assert told.lines == whole.lines[: len(told.lines)] or csv == "german", end
        assert told.lines == whole.lines or name.endswith((".mt940", ".csv")), end


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"encoding": "cp94999"}, "try utf-8, cp1252 or cp949"),
        ({"amount": None}, "name either amount, or both"),
        ({"decimal": "."}, "cannot be the same"),
        ({"date_format": "DD"}, "written like YYYY-MM-DD"),
        ({"delimiter": "x"}, "delimiter"),
        ({"colour": "red"}, "colour"),
        ({"direction": "S/H"}, "direction_in"),
        ({"header_row": 0}, "columns are numbers"),
        (
            {"header_row": 0, "date": 1, "amount": 2, "balance": 3, "reference": "Ref", "text": []}
            | dict.fromkeys(("value_date", "counterparty", "currency")),
            "columns are numbers",
        ),
    ],
)
def test_a_profile_that_cannot_be_followed_names_its_field(change, sentence: str):
    with pytest.raises(ProfileWrong, match=sentence):
        profile_of({**profile("german"), **change})


@pytest.mark.parametrize(
    ("written", "amount"),
    [
        ("1.234,56", 123456),
        ("-1.234,56", -123456),
        ("1.234,56-", -123456),
        ("(1.234,56)", -123456),
        ("\u22121.234,56 €", -123456),
        ("€ 0,05", 5),
        ("€-1.234,56", -123456),
        ("€ (1.234,56)", -123456),
        ("- € 1.234,56", -123456),
        ("+1,50", 150),
        ("1234,56", 123456),
        ("12", 1200),
    ],
)
def test_an_amount_is_read_however_this_bank_writes_it(written: str, amount: int):
    file = f"Tag;Betrag\n05.11.2026;{written}\n".encode()
    how = {"delimiter": ";", "date": 1, "amount": 2, "date_format": "DD.MM.YYYY", "decimal": ","}

    from payments.reconciliation.formats import csv_file

    told = csv_file.read(file, profile_of({**how, "grouping": "."}), currency="eur")

    assert [line.amount for line in told.lines] == [amount]


def test_headings_may_stand_twice_where_the_profile_counts_and_utf_8_has_many_names():
    from payments.reconciliation.formats import csv_file

    file = "\ufeffTag;Betrag;Währung;Saldo;Währung\n2026-11-05;12,50;EUR;12,50;EUR\n".encode()
    how = {"delimiter": ";", "date": "Tag", "amount": "Betrag", "decimal": ",", "encoding": "UTF_8"}

    told = csv_file.read(file, profile_of({**how, "currency": 3}), currency="eur")

    assert [line.amount for line in told.lines] == [1250]


def test_a_quotation_mark_that_does_not_end_swallows_no_lines():
    from payments.reconciliation.formats import csv_file

    file = b'd,a,t\n2026-11-05,1.00,"SMITH & CO\n2026-11-06,2.00,ADA\n'

    with pytest.raises(StatementRefused, match="a quotation mark that does not end"):
        csv_file.read(file, profile_of({"date": "d", "amount": "a", "text": ["t"]}), currency="usd")


def test_an_amount_without_a_day_counts_for_nothing_only_before_or_behind_the_lines():
    from payments.reconciliation.formats import csv_file

    how = profile_of({"date": "d", "amount": "a"})
    framed = b"d,a\nbrought forward,5.00\n2026-11-05,1.00\n2026-11-06,2.00\ntotal,8.00\n"

    told = csv_file.read(framed, how, currency="usd")

    assert [line.amount for line in told.lines] == [100, 200]
    with pytest.raises(StatementRefused, match="Line 4 of the file: it has an amount and no day"):
        csv_file.read(framed.replace(b"2026-11-06,2.00", b",9.00\n2026-11-06,2.00"), how, currency="usd")


def test_a_column_of_what_went_out_may_write_a_minus_and_a_card_a_plus():
    from payments.reconciliation.formats import csv_file

    two = {"date": 1, "money_in": 2, "money_out": 3}
    file = b"d,in,out\n2026-11-05,,-12.50\n"
    with pytest.raises(StatementRefused, match="Mend `money_out_is_negative`"):
        csv_file.read(file, profile_of(two), currency="usd")
    minus = csv_file.read(file, profile_of({**two, "money_out_is_negative": True}), currency="usd")
    card = csv_file.read(
        b"2026-11-05,12.50\n",
        profile_of({"header_row": 0, "date": 1, "amount": 2, "sign": "turned round"}),
        currency="usd",
    )

    assert [line.amount for line in (*minus.lines, *card.lines)] == [-1250, -1250]
