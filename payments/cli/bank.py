"""`almoner bank`: the charity's accounts, the files of their banks, and the lines in them."""

import tomllib
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from payments.cli.acting import As, Why, acting
from payments.cli.printing import AsJson, console, print_json, print_table
from payments.database import transaction
from payments.money import Money
from payments.reconciliation import bank_accounts, bank_import, bank_lines, matching
from payments.reconciliation.formats.csv_profile import ProfileWrong
from payments.reconciliation.models import BankAccount, BankLine, BankMatch

app = typer.Typer(no_args_is_help=True, help="What the bank says.")
account_app = typer.Typer(no_args_is_help=True, help="The charity's bank accounts.")
app.add_typer(account_app, name="account")

_File = typer.Argument(exists=True, dir_okay=False, readable=True)
_From = typer.Option("--from", formats=["%Y-%m-%d"], metavar="YYYY-MM-DD", help="First day.")
_To = typer.Option("--to", formats=["%Y-%m-%d"], metavar="YYYY-MM-DD", help="Last day.")


@account_app.command("add")
def add_account(
    account_id: Annotated[str, typer.Argument(metavar="ACCOUNT", help="A short word, such as operating.")],
    *,
    entity: Annotated[str, typer.Option(help="The legal body whose account it is.")],
    currency: Annotated[str, typer.Option(help="Such as usd.")],
    as_: As,
    name: Annotated[str, typer.Option(help="As people call it.")] = "",
    number: Annotated[
        str | None, typer.Option(help="IBAN or account number; a file of another account is refused.")
    ] = None,
    csv_profile: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="How this bank writes CSV (TOML).")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Add a bank account."""
    profile = _profile(csv_profile) if csv_profile is not None else None
    with transaction() as session:
        account = bank_accounts.add(
            session,
            account_id,
            entity_id=entity,
            name=name,
            currency=currency.strip().lower(),
            number=number,
            csv_profile=profile,
            by=acting(session, as_),
        )
    _say(account, as_json=as_json)


@account_app.command("profile")
def set_profile(
    account_id: Annotated[str, typer.Argument(metavar="ACCOUNT")],
    profile: Annotated[Path, _File],
    as_: As,
    as_json: AsJson = False,
) -> None:
    """Say how the account's bank writes CSV."""
    with transaction() as session:
        account = bank_accounts.set_profile(session, account_id, _profile(profile), by=acting(session, as_))
    _say(account, as_json=as_json)


@account_app.command("list")
def list_accounts(as_json: AsJson = False) -> None:
    """Every bank account."""
    with transaction() as session:
        accounts = bank_accounts.everything(session)
    if as_json:
        print_json([_shown(account) for account in accounts])
        return
    print_table(
        "Bank accounts",
        ["account", "name", "legal body", "currency", "number"],
        [(a.id, a.name, a.entity_id, a.currency.upper(), a.number) for a in accounts],
    )


@app.command("import")
def import_file(
    file: Annotated[Path, _File],
    *,
    account: Annotated[str, typer.Option(help="The account it is of.")],
    as_: As,
    first_day: Annotated[datetime | None, _From] = None,
    last_day: Annotated[datetime | None, _To] = None,
    accept_gap: Annotated[
        str | None, typer.Option(metavar="REASON", help="Take it although it does not follow.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Take in a bank statement: CAMT.053, MT940, OFX, BAI2, or CSV by the account's profile."""
    with transaction() as session:
        imported = bank_import.take_in(
            session,
            file.read_bytes(),
            file_name=file.name,
            account_id=account,
            by=acting(session, as_),
            first_day=_date(first_day),
            last_day=_date(last_day),
            gap_reason=accept_gap,
        )
        currency = bank_accounts.find(session, account).currency
    row = imported.statement
    if as_json:
        print_json(
            {
                "statement": row.id,
                "account": account,
                "format": row.format,
                "sha256": row.sha256,
                "first_day": row.first_day,
                "last_day": row.last_day,
                "opening": _money(row.opening, currency),
                "closing": _money(row.closing, currency),
                "new_lines": imported.new_lines,
                "known_lines": imported.known_lines,
                "left_out": imported.left_out,
                "is_known_file": imported.is_known_file,
            }
        )
        return
    console.print(imported.sentence, markup=False)
    if row.closing is not None:
        console.print(f"  The account closes with {Money(row.closing, currency).format('en')}.", markup=False)


@app.command("lines")
def lines(
    *,
    account: Annotated[str | None, typer.Option(help="Only of this account.")] = None,
    first_day: Annotated[datetime | None, _From] = None,
    last_day: Annotated[datetime | None, _To] = None,
    unsaid: Annotated[
        bool, typer.Option("--unsaid", help="Only those of which nobody has said what they are.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, max=100_000)] = 50,
    as_json: AsJson = False,
) -> None:
    """The lines of the bank, newest first."""
    wanted = bank_lines.Wanted(
        account_id=account, first_day=_date(first_day), last_day=_date(last_day), is_unsaid=unsaid
    )
    with transaction() as session:
        told = bank_lines.listed(session, wanted, limit=limit)
    if as_json:
        print_json([_line_shown(each.line, each.matches) for each in told])
        return
    print_table(
        "Bank lines",
        ["line", "booked", ">amount", "from or to", "text", "reference", "is"],
        [
            (
                each.line.id,
                each.line.booked_on,
                Money(each.line.amount, each.line.currency).format("en"),
                each.line.counterparty,
                each.line.text,
                each.line.payment_reference or each.line.bank_reference,
                " + ".join(match.subject_id or "ignored" for match in each.matches) or None,
            )
            for each in told
        ],
    )


@app.command("match")
def match(
    line: Annotated[str, typer.Argument(metavar="LINE")],
    *,
    payout: Annotated[
        list[str] | None,
        typer.Option(help="It is this payout, or its way back; several that the bank booked as one line."),
    ] = None,
    topup: Annotated[
        str | None,
        typer.Option(metavar="TXN", help="It is the charity's own money that topped up Stripe's balance."),
    ] = None,
    offline: Annotated[
        str | None,
        typer.Option(
            metavar="ID", help="It is this deposit slip, gift by transfer, or payment of a failed refund."
        ),
    ] = None,
    as_: As,
    reason: Why,
    as_json: AsJson = False,
) -> None:
    """Say what a line is. The amounts must be the same to the cent."""
    if [bool(payout), topup is not None, offline is not None].count(True) != 1:
        raise typer.BadParameter("say one of --payout, --topup and --offline")
    with transaction() as session:
        by = acting(session, as_)
        if payout:
            made = matching.match_payouts(session, line, payout, by=by, reason=reason)
        elif topup is not None:
            made = [matching.match_topup(session, line, topup, by=by, reason=reason)]
        else:
            made = [matching.match_offline(session, line, offline or "", by=by, reason=reason)]
    _say_matches(made, as_json=as_json)


@app.command("ignore")
def ignore(line: str, as_: As, reason: Why, as_json: AsJson = False) -> None:
    """The line is the charity's other business, and no gift and no payout."""
    with transaction() as session:
        made = matching.ignore(session, line, by=acting(session, as_), reason=reason)
    _say_matches([made], as_json=as_json)


@app.command("unmatch")
def unmatch(line: str, as_: As, reason: Why, as_json: AsJson = False) -> None:
    """What was said of a line was wrong; its entry is reversed in the open."""
    with transaction() as session:
        undone = matching.undo(session, line, by=acting(session, as_), reason=reason)
    _say_matches(undone, as_json=as_json)


def _say_matches(matches: Sequence[BankMatch], *, as_json: bool) -> None:
    """One document a match for a single one, as ever, and a list where a line is several payouts."""
    if as_json:
        said = [_match_shown(match) for match in matches]
        print_json(said[0] if len(said) == 1 else said)
        return
    first = matches[0]
    what = " and ".join(match.subject_id or "none of ours" for match in matches)
    words = f"is no longer {what}" if first.undone_at is not None else f"is {what}: {first.kind}"
    console.print(f"Line {first.bank_line_id} {words}.", markup=False)


def _match_shown(match: BankMatch) -> dict[str, Any]:
    return {
        "id": match.id,
        "line": match.bank_line_id,
        "kind": match.kind,
        "subject": match.subject_id,
        "reason": match.reason,
        "is_undone": match.undone_at is not None,
    }


def _line_shown(row: BankLine, matches: Sequence[BankMatch]) -> dict[str, Any]:
    return {
        "id": row.id,
        "account": row.bank_account_id,
        "booked_on": row.booked_on,
        "value_on": row.value_on,
        "amount": Money(row.amount, row.currency),
        "counterparty": row.counterparty,
        "text": row.text,
        "bank_reference": row.bank_reference,
        "payment_reference": row.payment_reference,
        "statement": row.bank_statement_id,
        "position": row.position,
        "kind": matches[0].kind if matches else None,
        "subject": matches[0].subject_id if len(matches) == 1 else None,
        "subjects": [match.subject_id for match in matches if match.subject_id is not None],
    }


def _profile(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as mistake:
        raise ProfileWrong(f"{file.name}: {mistake}") from mistake


def _say(account: BankAccount, *, as_json: bool) -> None:
    if as_json:
        print_json(_shown(account))
        return
    csv = "reads CSV by its profile" if account.csv_profile is not None else "has no CSV profile"
    console.print(f"{account.id}: {account.name}, {account.currency.upper()}; {csv}.", markup=False)


def _shown(account: BankAccount) -> dict[str, Any]:
    return {
        "id": account.id,
        "name": account.name,
        "entity": account.entity_id,
        "currency": account.currency,
        "number": account.number,
        "csv_profile": account.csv_profile,
    }


def _money(amount: int | None, currency: str) -> Money | None:
    return Money(amount, currency) if amount is not None else None


def _date(moment: datetime | None) -> date | None:
    return moment.date() if moment is not None else None
