"""A stretch of a bank account in the formats in which banks send it, for lines of any days."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from html import escape
from itertools import groupby

from tests.reconciliation.bank_files import mt940

Booked = tuple[date, int, str]
"""Day, signed minor units, the bank's words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """What a statement tells: its days, the balance before them, and the lines in their order."""

    first_day: date
    last_day: date
    opening: int
    lines: tuple[Booked, ...]

    @property
    def closing(self) -> int:
        """The balance after the last line."""
        return self.opening + sum(amount for _, amount, _ in self.lines)

    def by_day(self) -> Iterator[tuple[date, Sequence[tuple[int, str]]]]:
        """Each day with a line."""
        for day, lines in groupby(self.lines, key=lambda line: line[0]):
            yield day, [(amount, words) for _, amount, words in lines]


def as_mt940(told: Stretch) -> bytes:
    """Of the network of banks: one message a day."""
    return mt940(list(told.by_day()), opening=told.opening, currency="USD")


def as_camt053(told: Stretch) -> bytes:
    """ISO 20022."""

    def balance(code: str, amount: int, day: date) -> str:
        return (
            f"<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp>{_camt_amount(amount)}"
            f"<Dt><Dt>{day}</Dt></Dt></Bal>"
        )

    entries = "".join(
        f"<Ntry>{_camt_amount(amount)}<Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>{day}</Dt></BookgDt>"
        f"<AcctSvcrRef>{told.first_day:%Y%m}-{place}</AcctSvcrRef><NtryDtls><TxDtls><RmtInf>"
        f"<Ustrd>{escape(words)}</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>"
        for place, (day, amount, words) in enumerate(told.lines)
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt>'
        "<GrpHdr><MsgId>M</MsgId><CreDtTm>2026-01-02T04:00:00Z</CreDtTm></GrpHdr><Stmt><Id>S</Id>"
        "<Acct><Id><Othr><Id>4455667788</Id></Othr></Id><Ccy>USD</Ccy></Acct>"
        + balance("OPBD", told.opening, told.first_day)
        + balance("CLBD", told.closing, told.last_day)
        + f"{entries}</Stmt></BkToCstmrStmt></Document>"
    ).encode()


def as_ofx(told: Stretch) -> bytes:
    """OFX 1: each line has the bank's own name."""
    lines = "".join(
        f"<STMTTRN><TRNTYPE>{'CREDIT' if amount > 0 else 'DEBIT'}<DTPOSTED>{day:%Y%m%d}"
        f"<TRNAMT>{_decimal(amount)}<FITID>F{told.first_day:%Y%m}{place}<NAME>{escape(words)}</STMTTRN>\n"
        for place, (day, amount, words) in enumerate(told.lines)
    )
    return (
        "OFXHEADER:100\nDATA:OFXSGML\nVERSION:102\nENCODING:USASCII\nCHARSET:1252\n\n"
        "<OFX><BANKMSGSRSV1><STMTTRNRS><STMTRS><CURDEF>USD\n"
        "<BANKACCTFROM><BANKID>121000248<ACCTID>4455667788<ACCTTYPE>CHECKING</BANKACCTFROM>\n"
        f"<BANKTRANLIST><DTSTART>{told.first_day:%Y%m%d}<DTEND>{told.last_day:%Y%m%d}\n{lines}"
        f"</BANKTRANLIST><LEDGERBAL><BALAMT>{_decimal(told.closing)}<DTASOF>{told.last_day:%Y%m%d}"
        "</LEDGERBAL></STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>\n"
    ).encode()


def as_bai2(told: Stretch) -> bytes:
    """Of banks in the United States: a group a day, each with its control total."""
    groups: list[str] = []
    whole = 0
    balance = told.opening
    for number, (day, lines) in enumerate(told.by_day()):
        closing = balance + sum(amount for amount, _ in lines)
        records = [
            f"16,{165 if amount > 0 else 475},{abs(amount)},Z,B{day:%y%m%d}{number}{place},,{words}"
            for place, (amount, words) in enumerate(lines)
        ]
        total = balance + closing + sum(abs(amount) for amount, _ in lines)
        whole += total
        groups += [
            f"02,EXAMPLE,121000248,1,{day:%y%m%d},2400,USD,2/",
            f"03,4455667788,USD,010,{balance},,,015,{closing},,/",
            *records,
            f"49,{total},{len(records) + 2}/",
            f"98,{total},1,{len(records) + 4}/",
        ]
        balance = closing
    days = sum(record.startswith("02,") for record in groups)
    end = f"99,{whole},{days},{len(groups) + 2}/"
    return "\n".join(["01,121000248,EXAMPLE,260102,0400,1,,,2/", *groups, end, ""]).encode()


def as_american_csv(told: Stretch) -> bytes:
    """Amounts without a sign, no balance: `samples/american.toml`."""
    rows = [
        f'{day:%m/%d/%Y},{words},{"Credit" if amount > 0 else "Debit"},"${_decimal(abs(amount))}"'
        for day, amount, words in told.lines
    ]
    return "\n".join(["Date,Description,Type,Amount", *rows, ""]).encode()


def as_korean_csv(told: Stretch) -> bytes:
    """Two columns of won, a balance beside each line, CP949: `samples/korean.toml`."""
    rows = ["거래일시,적요,보낸분/받는분,출금액,입금액,잔액"]
    balance = told.opening
    for place, (day, amount, words) in enumerate(told.lines):
        balance += amount
        out, into = ("", f"{amount:,}") if amount > 0 else (f"{-amount:,}", "")
        rows.append(
            f'{day:%Y.%m.%d} 09:{place // 60:02}:{place % 60:02},{words},,"{out}","{into}","{balance:,}"'
        )
    return "\n".join([*rows, ""]).encode("cp949")


DOLLARS: tuple[Callable[[Stretch], bytes], ...] = (as_camt053, as_mt940, as_ofx, as_bai2, as_american_csv)
"""The formats in which a bank in the United States may send its statement."""


def _camt_amount(amount: int) -> str:
    way = "CRDT" if amount >= 0 else "DBIT"
    return f'<Amt Ccy="USD">{_decimal(abs(amount))}</Amt><CdtDbtInd>{way}</CdtDbtInd>'


def _decimal(amount: int) -> str:
    return f"{'-' if amount < 0 else ''}{abs(amount) // 100}.{abs(amount) % 100:02}"
