"""The headers of the programs that cannot be asked, byte for byte as their makers publish them."""

import csv

import pytest

from payments.reconciliation.exports import datev
from tests.reconciliation.exports.test_golden import GOLDEN

HEADERS = {
    "quickbooks-online.csv": b"*JournalNo,*JournalDate,*AccountName,*Debits,*Credits,Description,Name,"
    b"Currency,Location,Class\r\n",
    "quickbooks-online-uk.csv": b"*JournalNo,*JournalDate,Memo,*AccountName,Debits,Credits,Description,Name,"
    b"Location,Class\r\n",
    "quickbooks-desktop.iif": b"!TRNS\tTRNSID\tTRNSTYPE\tDATE\tACCNT\tNAME\tCLASS\tAMOUNT\tDOCNUM\tMEMO\r\n"
    b"!SPL\tSPLID\tTRNSTYPE\tDATE\tACCNT\tNAME\tCLASS\tAMOUNT\tDOCNUM\tMEMO\r\n!ENDTRNS\r\n",
    "xero.csv": b"*Narration,*Date,Description,*AccountCode,*TaxRate,*Amount,TrackingName1,TrackingOption1,"
    b"TrackingName2,TrackingOption2\r\n",
    "xero-bank.csv": b"*Date,*Amount,Payee,Description,Reference,Check Number\r\n",
    "intacct.csv": b"DESCRIPTION,JOURNAL,DATE,LINE_NO,ACCT_NO,LOCATION_ID,DEPT_ID,DOCUMENT,MEMO,DEBIT,CREDIT,"
    b"GLDIMFUND\r\n",
    "datev.csv": b'\xef\xbb\xbf"EXTF";700;21;"Buchungsstapel";13;20261103170000000;;"RE";"";"";1001;7;'
    b'20260101;4;20261001;20261031;"Almoner ',
}


@pytest.mark.parametrize("name", HEADERS)
def test_a_header_is_what_the_program_expects(name: str) -> None:
    assert (GOLDEN / name).read_bytes().startswith(HEADERS[name])


@pytest.mark.parametrize("name", HEADERS)
def test_every_line_ends_as_windows_ends_lines(name: str) -> None:
    written = (GOLDEN / name).read_bytes()

    assert written.count(b"\n") == written.count(b"\r\n") > 8


def test_datev_has_its_columns_in_each_line() -> None:
    header, columns, *lines = (GOLDEN / "datev.csv").read_text(encoding="utf-8-sig").splitlines()

    assert len(header.split(";")) == 31
    assert len(columns.split(";")) == len(datev.COLUMNS) == 125
    assert {datev.COLUMNS[place] for place in (6, 13, 36, 113)} == {
        "Konto",
        "Buchungstext",
        "KOST1 - Kostenstelle",
        "Festschreibung",
    }
    for cells in csv.reader(lines, delimiter=";"):
        assert len(cells) == 125
        assert len(cells[10]) <= 36
        assert len(cells[13]) <= 60


def test_no_amount_is_guarded_and_no_text_is_a_formula() -> None:
    for path in sorted(GOLDEN.glob("*.csv")) + sorted(GOLDEN.glob("*.iif")):
        written = path.read_text(encoding="utf-8-sig")
        assert "'-1" not in written.replace(";'-1 ", ""), path.name
        for opening in (",=", ',"=', ";=", ';"=', "\t=", ",@", ";@"):
            assert opening not in written, (path.name, opening)
