"""`almoner close`: go through a month's checklist, close it for good, hand out its pack, open it again."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from payments import month_end
from payments.cli.acting import As, OfEntity, Why, acting
from payments.cli.printing import AsJson, console, instant, print_json, print_table
from payments.cli.report_files import Language, Out, print_page, write
from payments.database import transaction
from payments.money import Money
from payments.reconciliation import close as closing
from payments.reconciliation import closings, tie_out
from payments.reconciliation.checklist import Item, checklist
from payments.reconciliation.fees import fees_of_month
from payments.reconciliation.month_report import month_report
from payments.reconciliation.months import entity_named, month_named, months_of
from payments.reconciliation.reports import fees_page, month_page
from payments.reconciliation.tie_out import TieOut
from payments.staff import people
from payments.verify.month import laws


class _MonthFirst(TyperGroup):
    """`almoner close 2026-10` needs no word for what is meant."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        is_named = any(word in self.commands for word in args[:1])
        if not is_named and any(re.fullmatch(r"\d{4}-\d{2}", word) for word in args):
            args = ["month", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_MonthFirst,
    no_args_is_help=True,
    help="Close a month: `almoner close 2026-10 --as EMAIL`. Nothing can be dated inside it any more.",
)

OfMonth = Annotated[str, typer.Argument(metavar="MONTH", help="Such as 2026-10.")]


@app.command("month")
def close_month(month: OfMonth, as_: As, entity: OfEntity = None, as_json: AsJson = False) -> None:
    """Close it, if everything on the checklist is so; exit code 1 and what to do if it is not."""
    _look_anew(is_quiet=as_json)
    proved = laws()
    try:
        with transaction() as session:
            of = month_named(session, month, entity)
            row = closing.close_month(session, of, laws=proved, by=acting(session, as_))
            version, digest, evidence = row.version, row.pack_sha256, row.evidence
    except closing.MonthNotReady as trouble:
        _print_items(trouble.items, as_json=as_json, month=month)
        raise typer.Exit(1) from None
    if as_json:
        print_json(
            {"month": of.name, "entity": of.entity_id, "version": version, "pack_sha256": digest}
            | {"is_closed": True, "checklist": evidence}
        )
        return
    for found in evidence.values():
        console.print(f"[green]ok[/]  {found['sentence']}", highlight=False)
    console.print(f"{of.title} of {of.legal_name} is closed. SHA-256 of its pack: {digest}", markup=False)


@app.command("check")
def check(month: OfMonth, entity: OfEntity = None, as_json: AsJson = False) -> None:
    """Go through the checklist and close nothing; exit code 1 while something is not so."""
    _look_anew(is_quiet=as_json)
    proved = laws()
    with transaction() as session:
        items = checklist(session, month_named(session, month, entity), proved)
    _print_items(items, as_json=as_json, month=month)
    raise typer.Exit(0 if all(item.is_ok for item in items) else 1)


@app.command("status")
def status(entity: OfEntity = None, as_json: AsJson = False) -> None:
    """Every month of the book, the newest first: open, closed or reopened, by whom."""
    with transaction() as session:
        body = entity_named(session, entity)
        names = people.names(session)
        rows: list[dict[str, Any]] = []
        for month in reversed(list(months_of(session, body))):
            history = closings.closings_of(session, body.id, month.first_day)
            last = history[-1] if history else None
            is_closed = last is not None and last.reopened_at is None
            rows.append(
                {
                    "month": month.name,
                    "entity": body.id,
                    "status": "closed" if is_closed else "reopened" if last is not None else "open",
                    "version": last.version if last is not None else None,
                    "closed_by": names.get(last.closed_by) if last is not None else None,
                    "closed_at": last.closed_at if last is not None else None,
                    "pack_sha256": last.pack_sha256 if last is not None else None,
                    "reopened_by": names.get(last.reopened_by or "") if last is not None else None,
                    "reopen_reason": last.reopen_reason if last is not None else None,
                }
            )
    if as_json:
        print_json(rows)
        return
    print_table(
        f"Months of {body.legal_name}",
        ["month", "status", "closed by", "closed at", "pack", "reopened by", "reason"],
        [
            (
                *(row["month"], row["status"], row["closed_by"], instant(row["closed_at"])),
                *((row["pack_sha256"] or "")[:12], row["reopened_by"], row["reopen_reason"]),
            )
            for row in rows
        ],
    )


@app.command("reopen")
def reopen(month: OfMonth, as_: As, reason: Why, entity: OfEntity = None, as_json: AsJson = False) -> None:
    """Open the last closed month again. Needs an approver who did not close it."""
    with transaction() as session:
        of = month_named(session, month, entity)
        row = closing.reopen(session, of, by=acting(session, as_), reason=reason)
    if as_json:
        print_json({"month": of.name, "entity": of.entity_id, "version": row.version, "is_closed": False})
        return
    console.print(f"{of.title} is open again: {row.reopen_reason}. Its pack stays as it was.", markup=False)


@app.command("pack")
def pack(
    month: OfMonth,
    out: Annotated[Path, typer.Option("--out", dir_okay=False, writable=True, help="The zip to write.")],
    entity: OfEntity = None,
    version: Annotated[int | None, typer.Option(min=1, help="An earlier one; else the latest.")] = None,
    as_json: AsJson = False,
) -> None:
    """Write the pack of a closed month: the very bytes that were kept when it was closed."""
    with transaction() as session:
        row = closing.with_pack(session, month_named(session, month, entity), version)
        drawn, digest, number = row.pack, row.pack_sha256, row.version
    out.write_bytes(drawn)
    if as_json:
        print_json(
            {"month": month, "version": number, "file": str(out), "sha256": digest, "bytes": len(drawn)}
        )
        return
    console.print(f"{out}: {len(drawn)} bytes, SHA-256 {digest}", markup=False)


@app.command("page")
def page(month: OfMonth, *, out: Out, entity: OfEntity = None, language: Language = "en") -> None:
    """The month as a page to print, or as a workbook; of a closed month always the same."""
    with transaction() as session:
        of = month_named(session, month, entity)
        report = month_report(session, of)
        drawn = month_page.page_of(report, entity_named(session, of.entity_id), language)
    write(drawn, out)


@app.command("tie-out")
def print_tie_out(month: OfMonth, entity: OfEntity = None, as_json: AsJson = False) -> None:
    """What Stripe held at the end of the month, by the book and by Stripe; exit code 1 if they differ."""
    with transaction() as session:
        proofs = tie_out.tie_outs(session, month_named(session, month, entity))
    is_proven = all(proof.is_proven for proof in proofs)
    if as_json:
        print_json(
            {"month": month, "is_proven": is_proven, "currencies": [_shown(proof) for proof in proofs]}
        )
    else:
        for proof in proofs:
            _print_tie_out(month, proof)
        if not proofs:
            console.print("Stripe held nothing for this body.")
    raise typer.Exit(0 if is_proven else 1)


@app.command("fees")
def print_fees(
    month: OfMonth,
    out: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Write it as a page (.html) or a workbook (.xlsx).")
    ] = None,
    entity: OfEntity = None,
    language: Language = "en",
    as_json: AsJson = False,
) -> None:
    """What Stripe kept of the month, and whether those who cover the fee cover it."""
    with transaction() as session:
        of = month_named(session, month, entity)
        found = fees_of_month(session, of)
        drawn = fees_page.page_of(found, entity_named(session, of.entity_id), language)
    if out is not None:
        write(drawn, out)
    elif as_json:
        print_json(found)
    else:
        print_page(drawn)


def _look_anew(*, is_quiet: bool) -> None:
    trouble = month_end.look_anew()
    if trouble is not None and not is_quiet:
        console.print(f"Stripe was not asked for its balance: {trouble}.", style="yellow", markup=False)


def _print_items(items: Sequence[Item], *, as_json: bool, month: str) -> None:
    if as_json:
        print_json(
            {
                "month": month,
                "is_closed": False,
                "is_ready": all(item.is_ok for item in items),
                "checklist": items,
            }
        )
        return
    for item in items:
        mark, style = ("ok", "green") if item.is_ok else ("!!", "bold red")
        console.print(f"[{style}]{mark}[/]  ", end="")
        console.print(f"{item.title}. {item.sentence}", markup=False, soft_wrap=True)
        if item.remedy:
            console.print(f"    {item.remedy}", style="yellow", markup=False, soft_wrap=True)


def _print_tie_out(month: str, proof: TieOut) -> None:
    def money(minor: int) -> str:
        return Money(minor, proof.currency).format("en")

    rows: list[tuple[object, ...]] = [("Stripe's opening balance", None, None, None, money(proof.opening))]
    rows += [
        (each.category, each.count, money(each.gross), money(each.fee), money(each.net))
        for each in (*proof.activity, proof.payouts)
    ]
    rows.append(("Stripe's ending balance", None, None, None, money(proof.closing)))
    rows.append(("stripe_balance in the book", None, None, None, money(proof.in_the_book)))
    rows += [
        (f"+ {each.stripe_payout_id}, effective {each.effective_on}", None, None, None, money(each.amount))
        for each in proof.not_yet_effective
    ]
    if proof.late:
        rows.append(("+ booked in a later month", None, None, None, money(proof.late)))
    rows.append(("unexplained", None, None, None, money(proof.unexplained)))
    print_table(f"{month} in {proof.currency.upper()}", ["", ">count", ">gross", ">fee", ">net"], rows)
    if proof.asked is not None:
        console.print(
            f"  Stripe's own number, asked {instant(proof.asked.asked_at)}: {money(proof.asked.total)};"
            f" its movements come to {money(proof.asked.mirrored)}.",
            markup=False,
        )
    if proof.report_ending is not None:
        console.print(f"  Stripe's report ends with {money(proof.report_ending)}.", markup=False)


def _shown(proof: TieOut) -> dict[str, Any]:
    return {
        "currency": proof.currency,
        "opening": proof.opening,
        "activity": proof.activity,
        "payouts": proof.payouts,
        "closing": proof.closing,
        "in_the_book": proof.in_the_book,
        "not_yet_effective": proof.not_yet_effective,
        "late": proof.late,
        "unexplained": proof.unexplained,
        "asked": proof.asked,
        "report_ending": proof.report_ending,
        "is_proven": proof.is_proven,
    }
