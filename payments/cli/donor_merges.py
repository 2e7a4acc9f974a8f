"""`almoner donors doubles`, `merge` and `unmerge`: two records of one donor made one, and two again."""

from typing import Annotated

import typer

from payments.cli.acting import As, Why, acting
from payments.cli.printing import AsJson, console, print_facts, print_json, print_table
from payments.database import transaction
from payments.privacy import likely, merge_plan, merging, unmerging
from payments.privacy.merge_plan import Part, Plan, Side

_SHOWN = 12
"""How many ids stand behind a number; `--json` has all of them."""


def list_doubles(as_: As, as_json: AsJson = False) -> None:
    """Records that may be of one donor; each pair that is shown stands in the audit log with you."""
    with transaction() as session:
        found = likely.pairs(session, by=acting(session, as_))
    if as_json:
        print_json(found)
        return
    if not found:
        typer.echo("Nobody stands here twice, as far as names and addresses tell.")
        return
    print_table(
        "One donor?" + (", and there may be more" if len(found) == likely.MOST else ""),
        ["record", "name", "e-mail", ">gifts", "and", "name", "e-mail", ">gifts", "because"],
        [
            (
                *(pair.one, pair.one_name, pair.one_email, pair.one_gifts),
                *(pair.other, pair.other_name, pair.other_email, pair.other_gifts),
                pair.why,
            )
            for pair in found
        ],
    )


def merge(
    *,
    kept: Annotated[str, typer.Argument(metavar="STAYS", help="The record that stays, by id.")],
    gone: Annotated[str, typer.Argument(metavar="GOES", help="The record that goes into it.")],
    as_: As,
    reason: Annotated[str, typer.Option("--reason", help="Why; wanted with `--yes`.")] = "",
    take: Annotated[
        list[Part] | None, typer.Option("--take", help="What the donor is to have from the one that goes.")
    ] = None,
    mistyped: Annotated[
        bool,
        typer.Option(
            "--mistyped",
            help="The address of the one that goes is a stranger's: it is to lead nowhere, and the links that"
            " were mailed there end.",
        ),
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="Do it; without it, only say what would be done.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make one of two records of the same donor. Says what would move; `--yes` does it."""
    taking = take or ()
    if not yes:
        with transaction() as session:
            plan = merge_plan.look(
                session, kept, gone, taking=taking, mistyped=mistyped, by=acting(session, as_)
            )
        if as_json:
            print_json(plan)
        else:
            _print(plan)
            if not plan.refusals:
                console.print("Nothing was done: `--reason … --yes` does it.", markup=False)
        raise typer.Exit(1 if plan.refusals else 0)
    with transaction() as session:
        by = acting(session, as_)
        done = merging.merge(session, kept, gone, taking=taking, mistyped=mistyped, by=by, reason=reason)
    if as_json:
        print_json({"merge": done.merge.id, "done_now": done.plan is not None, "plan": done.plan})
    elif done.plan is None:
        console.print(f"{gone} was merged into {kept} before: nothing was done now.", markup=False)
    else:
        _print(done.plan)
        console.print(
            f"Done: {gone} leads to {kept}. `almoner donors unmerge {gone}` takes it back.",
            markup=False,
            soft_wrap=True,
        )


def unmerge(
    gone: Annotated[str, typer.Argument(metavar="WENT", help="The record that went into another, by id.")],
    as_: As,
    reason: Why,
    as_json: AsJson = False,
) -> None:
    """Take a merge back: what moved goes back, and what was begun there since goes with it."""
    with transaction() as session:
        parted = unmerging.unmerge(session, gone, by=acting(session, as_), reason=reason)
    if as_json:
        print_json(parted)
        return
    print_facts(
        f"{parted.gone_id} stands for itself again",
        [
            ("gifts that are its own", len(parted.gifts)),
            ("monthly gifts", ", ".join(parted.monthly_gifts) or None),
            ("statements void and replaced", ", ".join(parted.statements) or None),
            (f"came since, and stay with {parted.kept_id}", ", ".join(parted.stays) or None),
        ],
    )
    for remark in parted.remarks:
        console.print(f"  {remark}", markup=False, soft_wrap=True)


def _print(plan: Plan) -> None:
    taken = ", ".join(plan.taken)
    for title, side in (("Stays", plan.kept), ("Goes into it", plan.gone)):
        print_facts(f"{title}: {side.id}", _facts(side))
    if taken:
        console.print(f"  The donor has from the one that goes: {taken}.", markup=False)
    if plan.moves:
        print_table(
            "What moves, and what stays",
            [">rows", "what", "which", "and then"],
            [(len(moving.ids), moving.what, _some(moving.ids), moving.becomes) for moving in plan.moves],
        )
    for sentence in (*plan.remarks, *(f"Not possible: {refusal}" for refusal in plan.refusals)):
        console.print(f"  {sentence}", markup=False, soft_wrap=True)


def _facts(side: Side) -> list[tuple[str, object]]:
    home = ", ".join(side.postal_address) if side.postal_address else None
    return [("name", side.name), ("e-mail", side.email), ("language", side.locale), ("address", home)]


def _some(ids: object) -> str:
    every = list(ids) if isinstance(ids, list | tuple) else []
    return ", ".join(every[:_SHOWN]) + (f" and {len(every) - _SHOWN} more" if len(every) > _SHOWN else "")
