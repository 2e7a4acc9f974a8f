"""`almoner ledger`: what stands in the book, that it ties with Stripe, and the proof of it all."""

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

import typer
from rich.text import Text

from payments.cli import rebuild, suspense
from payments.cli.printing import AsJson, console, print_json, print_table
from payments.database import transaction
from payments.ledger import balances as reading
from payments.verify.check import Check
from payments.verify.checks import CHECKS, named
from payments.verify.run import proving

app = typer.Typer(no_args_is_help=True, help="The book.")

_SHOWN_OF_A_KIND = 20
"""A person reads a few of a kind and sees the pattern; `--json` gives them all."""


@app.command("balances")
def balances(as_json: AsJson = False) -> None:
    """Every account, and the proof that what Stripe holds is what the book says; exit code 1 if not."""
    with transaction() as session:
        rows = reading.balances(session)
        proofs = reading.tie_out(session)
    is_proven = all(proof.is_proven for proof in proofs)
    if as_json:
        print_json(
            {
                "balances": [
                    {
                        "entity": row.entity_id,
                        "account": row.account,
                        "kind": row.account.kind,
                        "fund": row.fund_id,
                        "balance": row.balance,
                    }
                    for row in rows
                ],
                "stripe_balance": proofs,
                "is_proven": is_proven,
            }
        )
        raise typer.Exit(0 if is_proven else 1)
    print_table(
        "Balances",
        ["entity", "account", "fund", ">debit", ">credit"],
        [
            (
                row.entity_id,
                row.account.value,
                row.fund_id,
                row.balance.format("en") if row.balance.minor > 0 else "",
                (-row.balance).format("en") if row.balance.minor < 0 else "",
            )
            for row in rows
        ],
    )
    for currency in sorted({row.balance.currency for row in rows}):
        total = sum(row.balance.minor for row in rows if row.balance.currency == currency)
        console.print(f"  {currency.upper()}: debits less credits = {total}", markup=False)
    for proof in proofs:
        verdict = "equal to the cent" if proof.is_proven else "THEY DIFFER: run `almoner doctor`"
        console.print(
            f"  {proof.currency.upper()}: stripe_balance {proof.in_the_book},"
            f" net of Stripe's balance transactions {proof.at_stripe}: {verdict}",
            markup=False,
        )
    raise typer.Exit(0 if is_proven else 1)


@app.command("verify")
def verify(
    as_json: AsJson = False,
    kind: Annotated[
        list[str] | None, typer.Option(help="Only this check; may be given several times.")
    ] = None,
    readers: Annotated[int, typer.Option(min=1, max=16, help="How many laws are proved at once.")] = 2,
    only_list: Annotated[bool, typer.Option("--list", help="Say what is proved, and prove nothing.")] = False,
) -> None:
    """Prove the whole database: every law of the books, read only, in one snapshot; exit code 1 if one
    is broken."""
    unknown = set(kind or []) - {check.kind for check in CHECKS}
    if unknown:
        raise typer.BadParameter(f"no check is called {', '.join(sorted(unknown))}; see --list")
    checks = named(kind or [])
    if only_list:
        _print_laws(checks, as_json=as_json)
        return
    began = time.monotonic()
    found = (_prove_as_json if as_json else _prove)(checks, readers=readers)
    if not as_json:
        laws = "1 law" if len(checks) == 1 else f"{len(checks)} laws"
        verdict = f"{found} found to be wrong" if found else "nothing is wrong"
        console.print(f"  {laws} proved in {time.monotonic() - began:.1f} s: {verdict}", markup=False)
    raise typer.Exit(1 if found else 0)


def _prove(checks: Sequence[Check], *, readers: int) -> int:
    found = 0
    with proving(checks, readers=readers) as proofs:
        for proof in proofs:
            count = 0
            _progress(proof.check, None)
            for finding in proof.findings():
                if not count:
                    console.print(Text(proof.check.kind, style="bold red"), Text(f"  {proof.check.proves}"))
                count += 1
                if count <= _SHOWN_OF_A_KIND:
                    console.print(Text(f"  {finding.sentence}"), soft_wrap=True)
            if count > _SHOWN_OF_A_KIND:
                console.print(Text(f"  … {count} in all; --json gives every one"))
            if count:
                console.print(Text(f"  → {proof.check.remedy}", style="italic"), soft_wrap=True)
            _progress(proof.check, proof.seconds)
            found += count
    return found


def _prove_as_json(checks: Sequence[Check], *, readers: int) -> int:
    """One document, written as it is found: a broken book of a million gifts needs no more memory."""
    found = 0
    typer.echo('{"findings": [', nl=False)
    seconds: dict[str, float] = {}
    with proving(checks, readers=readers) as proofs:
        for proof in proofs:
            _progress(proof.check, None)
            for finding in proof.findings():
                line = json.dumps(asdict(finding), ensure_ascii=False)
                typer.echo(("," if found else "") + f"\n  {line}", nl=False)
                found += 1
            seconds[proof.check.kind] = round(proof.seconds, 3)
            _progress(proof.check, proof.seconds)
    totals = json.dumps({"seconds": seconds, "count": found, "is_proven": not found})
    typer.echo(f"\n], {totals.removeprefix('{')}")
    return found


def _progress(check: Check, seconds: float | None) -> None:
    """On a terminal only, and beside the answer: what is being proved, and how long it took."""
    if sys.stderr.isatty():
        took = " …" if seconds is None else f"  {seconds:.1f} s\n"
        sys.stderr.write(f"\r\033[K  {check.kind}{took}")
        sys.stderr.flush()


def _print_laws(checks: Sequence[Check], *, as_json: bool) -> None:
    if as_json:
        print_json([{"kind": check.kind, "proves": check.proves, "sql": check.sql} for check in checks])
        return
    print_table("What is proved", ["kind", "law"], [(check.kind, check.proves) for check in checks])


app.command("rebuild")(rebuild.command)
app.command("suspense")(suspense.suspense)
app.command("classify")(suspense.classify)
app.command("reclassify")(suspense.reclassify)
