"""`almoner audit`: what an auditor asks for: a sample of gifts, and their whole way in one file."""

from collections.abc import Sequence
from hashlib import file_digest
from pathlib import Path
from typing import Annotated

import typer

from payments.audit import drawings, pack, sampling
from payments.audit.pack import Summary
from payments.audit.sampling import Layer, Method, Plan
from payments.audit.stretch import stretch_named
from payments.cli.acting import As, OfEntity, acting, amounts_of
from payments.cli.printing import AsJson, console, instant, print_json, print_table
from payments.database import one_picture, transaction
from payments.money import Money

app = typer.Typer(no_args_is_help=True, help="What an auditor asks for.")

First = Annotated[str, typer.Option("--from", metavar="YYYY-MM", help="The first month.")]
Last = Annotated[str, typer.Option("--to", metavar="YYYY-MM", help="The last month.")]
Seed = Annotated[
    str, typer.Option(help="The auditor's own number or word: the same one draws the same sample.")
]
Count = Annotated[
    int, typer.Option("--sample", min=0, help="How many gifts to draw; by money, of each currency.")
]
By = Annotated[
    Method, typer.Option("--method", help="Each gift as likely as any other, or as likely as it is large.")
]
AllFrom = Annotated[
    list[str] | None,
    typer.Option(
        "--all-from", metavar="CUR=AMOUNT", help="Take all of this amount or more, such as usd=5000."
    ),
]


@app.command("sample")
def sample(
    *,
    first: First,
    last: Last,
    seed: Seed,
    as_: As,
    count: Count = 25,
    method: By = Method.NUMBER,
    all_from: AllFrom = None,
    entity: OfEntity = None,
    as_json: AsJson = False,
) -> None:
    """Which gifts would be drawn; that it was looked at stands in the audit log, with the seed."""
    with transaction() as session:
        one_picture(session)
        stretch = stretch_named(session, first, last, entity)
        plan = Plan(stretch=stretch, seed=seed, count=count, method=method, all_from=amounts_of(all_from))
        layers = sampling.layers(session, plan)
        drawn = list(sampling.drawn(session, plan, layers))
        drawings.note(session, plan, "sample", gifts=len(drawn), by=acting(session, as_))
    if as_json:
        print_json({"drawn_from": layers, "sample": drawn})
        return
    _print(layers)
    print_table(
        f"{len(drawn)} gifts, seed {seed}",
        ["gift", "day", ">amount", "channel", "why", ">hits"],
        [
            (each.id, each.gift_date, Money(each.amount, each.currency), each.channel, each.why, each.hits)
            for each in drawn
        ],
    )


@app.command("pack")
def draw(
    *,
    first: First,
    last: Last,
    seed: Seed,
    as_: As,
    out: Annotated[Path, typer.Option("--out", dir_okay=False, writable=True, help="The zip to write.")],
    count: Count = 25,
    method: By = Method.NUMBER,
    all_from: AllFrom = None,
    entity: OfEntity = None,
    names: Annotated[
        bool, typer.Option("--names", help="Name the donors; needs a role that sees them.")
    ] = False,
    reason: Annotated[str, typer.Option(help="Why donors are named; it stands in the audit log.")] = "",
    as_json: AsJson = False,
) -> None:
    """The sample with each gift's whole way, and what people did about money, as one zip; the same again with
    the same seed while nothing has changed."""
    half = out.with_name(out.name + ".part")
    try:
        with transaction() as session, half.open("w+b") as file:
            one_picture(session)
            stretch = stretch_named(session, first, last, entity)
            plan = Plan(stretch=stretch, seed=seed, count=count, method=method, all_from=amounts_of(all_from))
            summary = pack.draw(
                session, plan, file, by=acting(session, as_), names_because=reason if names else None
            )
            size = file.tell()
            file.seek(0)
            sha256 = file_digest(file, "sha256").hexdigest()
        half.replace(out)
    finally:
        half.unlink(missing_ok=True)
    if as_json:
        print_json(
            {
                "file": str(out),
                "bytes": size,
                "sha256": sha256,
                "sampled": summary.gifts,
                "gaps": summary.gaps,
                "controls_differ": len(summary.differing),
                "drawn_from": summary.layers,
            }
        )
        return
    _print(summary.layers)
    _print_controls(summary)
    console.print(
        f"{summary.gifts} gifts, {summary.gaps} gaps (gaps.csv). {out}: {size} bytes, SHA-256 {sha256}",
        markup=False,
        soft_wrap=True,
    )


@app.command("drawings")
def list_drawings(as_json: AsJson = False) -> None:
    """Every sample that was ever drawn, with its seed: one that was tried and not taken is here, too."""
    with transaction() as session:
        rows = drawings.listed(session)
    if as_json:
        print_json(rows)
        return
    print_table(
        "Samples drawn",
        ["at", "by", "what", "body", "months", "seed", "method", ">asked", ">gifts", "named because"],
        [
            (
                *(instant(row.at), row.by, row.what, row.entity, row.months, row.seed, row.method),
                *(row.count, row.gifts, row.reason if row.names else None),
            )
            for row in rows
        ],
    )


def _print(layers: Sequence[Layer]) -> None:
    print_table(
        "Drawn from",
        ["currency", ">gifts", ">amount", ">taken whole", ">amount"],
        [
            (
                *(layer.currency.upper(), layer.gifts, Money(layer.amount, layer.currency)),
                *(layer.large, Money(layer.large_amount, layer.currency)),
            )
            for layer in layers
        ],
    )


def _print_controls(summary: Summary) -> None:
    for each in summary.controls:
        verdict = f"DIFFERS by {each.difference}" if each.difference else "agrees"
        console.print(
            f"  {each.what} {each.one}, {each.against} {each.other}: {verdict}", markup=False, soft_wrap=True
        )
