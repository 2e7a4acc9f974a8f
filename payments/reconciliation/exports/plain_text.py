"""beancount and hledger: books in plain text, which two independent programs can prove.

Nobody has to name accounts for these: by default they are ours below the five roots both programs know,
`Income:Contributions:Rescue`. A file of beancount opens only what no earlier file of the target opened, so
that all of them can be included in one book.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from payments.ledger.accounts import Account, Kind
from payments.money import exponent
from payments.reconciliation.exports.cells import cut, decimal, fold
from payments.reconciliation.exports.format import Control, Frame, Target
from payments.reconciliation.exports.journal import Journal, Side

_ROOTS = {
    Kind.ASSET: "Assets",
    Kind.LIABILITY: "Liabilities",
    Kind.INCOME: "Income",
    Kind.CONTRA_INCOME: "Income",
    Kind.EXPENSE: "Expenses",
    Kind.EQUITY: "Equity",
}
_OPENED_ON = "1970-01-01"
_LONGEST_TEXT = 200


def account_name(
    accounts: Mapping[str, str], funds: Mapping[str, str], account: Account, fund_id: str | None
) -> str:
    """As the organisation calls it, or as we do: `Income:Contributions:Rescue`."""
    if f"{account}/{fund_id}" in accounts:
        return accounts[f"{account}/{fund_id}"]
    whole = accounts.get(account.value) or f"{_ROOTS[account.kind]}:{_word(account.value)}"
    if fund_id is None:
        return whole
    return f"{whole}:{funds.get(fund_id) or _word(fund_id)}"


def alike(funds: Mapping[str, str], fund_ids: Iterable[str]) -> list[str]:
    """Funds that would share one account with another: `water_wells` and `water-wells`."""
    names = {fund_id: funds.get(fund_id) or _word(fund_id) for fund_id in fund_ids}
    times = Counter(names.values())
    return [fund_id for fund_id, name in names.items() if times[name] > 1]


def _word(ours: str) -> str:
    """`contribution_refunds` as `Contribution-Refunds`."""
    parts = [part for part in re.split(r"[^0-9A-Za-z]+", ours) if part]
    return "-".join(part[0].upper() + part[1:] for part in parts) or "Fund"


def _name(frame: Frame, side: Side) -> str:
    return account_name(frame.accounts, frame.funds, side.account, side.fund_id)


def _beancount(journals: Iterator[Journal], frame: Frame, control: Control) -> Iterator[bytes]:
    yield f"; {_title(frame)}\n".encode()
    opened = set(frame.opened)
    for journal in journals:
        lines = []
        for side in journal.sides:
            control.rows += 1
            name = _name(frame, side)
            if name not in opened:
                opened.add(name)
                yield f"{_OPENED_ON} open {name}\n".encode()
            lines.append(f"  {name}  {decimal(side.signed, journal.currency)} {journal.currency.upper()}\n")
        link = f" ^{journal.gift}" if journal.gift is not None else ""
        tag = f" #{journal.kind.replace('_', '-')}" if journal.kind else ""
        text = json.dumps(cut(fold(journal.memo), _LONGEST_TEXT), ensure_ascii=False)
        facts = [
            f"  number: {json.dumps(journal.number)}\n",
            f"  external-id: {json.dumps(fold(journal.external_id), ensure_ascii=False)}\n",
        ]
        if journal.original_day is not None:
            facts.append(f"  original-date: {journal.original_day}\n")
        yield f"\n{journal.day} * {text}{link}{tag}\n{''.join(facts)}{''.join(lines)}".encode()


def _hledger(journals: Iterator[Journal], frame: Frame, control: Control) -> Iterator[bytes]:
    yield f"; {_title(frame)}\n".encode()
    declared: set[str] = set()
    for journal in journals:
        lines = []
        currency = journal.currency.upper()
        if currency not in declared:
            declared.add(currency)
            digits = exponent(journal.currency)
            yield f"commodity 1000.{'0' * digits} {currency}\n".encode()
        for side in journal.sides:
            control.rows += 1
            name = _name(frame, side)
            if name not in declared:
                declared.add(name)
                yield f"account {name}\n".encode()
            lines.append(f"    {name}  {decimal(side.signed, journal.currency)} {currency}\n")
        # A semicolon would begin a comment, and a bar part payee from note.
        text = cut(fold(journal.memo).replace(";", ",").replace("|", "/"), _LONGEST_TEXT)
        facts = f"external-id:{fold(journal.external_id).replace(',', ' ')}"
        if journal.original_day is not None:
            facts += f", original-date:{journal.original_day}"
        yield f"\n{journal.day} * ({journal.number}) {text}  ; {facts}\n{''.join(lines)}".encode()


def _title(frame: Frame) -> str:
    return f"Almoner, export {frame.number}: {fold(frame.entity_name)}, {frame.first_day} to {frame.last_day}"


BEANCOUNT = Target(
    name="beancount",
    title="beancount 3.",
    suffix=".beancount",
    media_type="text/plain; charset=utf-8",
    trap="Include the files of all batches in one book: each opens only what none before it opened.",
    of_journals=_beancount,
    needs_accounts=False,
    needs_funds=False,
    names_accounts=True,
    account_pattern=r"(Assets|Liabilities|Equity|Income|Expenses)(:[A-Z0-9][A-Za-z0-9-]*)+",
    fund_pattern=r"[A-Z0-9][A-Za-z0-9-]*",
)
HLEDGER = Target(
    name="hledger",
    title="hledger, and ledger.",
    suffix=".journal",
    media_type="text/plain; charset=utf-8",
    trap="Include the files of all batches in one journal.",
    of_journals=_hledger,
    needs_accounts=False,
    needs_funds=False,
    names_accounts=True,
    account_pattern=r"[^\W\d_](?:[^\s;:]|[ :](?=[^\s;:]))*",
    fund_pattern=r"[^\s;:](?:[^\s;:]| (?=[^\s;:]))*",
)
