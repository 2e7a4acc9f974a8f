"""`almoner donors`: who gives, found by whatever is in hand; and where a donor's mail goes."""

import sys
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from payments.cli import donor_merges, large_donors
from payments.cli.acting import As, Why, acting
from payments.cli.printing import AsJson, console, instant, print_facts, print_json, print_table
from payments.database import transaction
from payments.privacy import dossier, erasing, searching
from payments.privacy.dossier import Dossier
from payments.supporters import addresses
from payments.supporters import donors as people_who_give

app = typer.Typer(no_args_is_help=True, help="Who gives, and where a donor's mail goes.")


@app.command("find")
def find(
    wanted: Annotated[
        str,
        typer.Argument(
            metavar="TEXT",
            help="An id of ours or Stripe's, a receipt's number, an e-mail address, or a part of a name;"
            " `-` reads it from standard input, which no shell keeps.",
        ),
    ],
    as_: As,
    as_json: AsJson = False,
) -> None:
    """Who that is, and how much of what there is; each who is found stands in the audit log with you."""
    typed = sys.stdin.readline() if wanted == "-" else wanted
    with transaction() as session:
        found = searching.find(session, typed, by=acting(session, as_))
    if as_json:
        print_json(found)
        return
    if not found:
        typer.echo("Nobody.")
        return
    print_table(
        f"{len(found)} found" + (", and there may be more" if len(found) == searching.MOST else ""),
        ["donor", "name", "e-mail", ">gifts", ">monthly", ">receipts", "latest gift"],
        [(d.donor_id, d.name, d.email, d.gifts, d.monthly_gifts, d.receipts, d.latest_gift) for d in found],
    )


@app.command("show")
def show(donor: str, as_: As, as_json: AsJson = False) -> None:
    """One donor's gifts, monthly gifts, receipts and letters; reading it stands in the audit log."""
    with transaction() as session:
        found = dossier.show(session, donor, by=acting(session, as_))
    if as_json:
        print_json(found)
        return
    _print(found)


@app.command("address")
def address(
    donor: str,
    line: Annotated[list[str], typer.Option("--line", help="Up to four, the first with the house.")],
    postcode: Annotated[str, typer.Option()],
    country: Annotated[str, typer.Option(help="Two letters, such as CA.")],
    as_: As,
) -> None:
    """Keep a donor's postal address, instead of an earlier one."""
    with transaction() as session:
        addresses.note(
            session, donor, lines=line, postcode=postcode, country=country, by=acting(session, as_)
        )
    typer.echo(f"{donor}: address kept.")


@app.command("email")
def email(
    donor: str,
    address: Annotated[str, typer.Argument(help="The right one.")],
    as_: As,
    reason: Why,
) -> None:
    """Correct where a donor's mail goes from now on; `mail resend --to` sends again what came back."""
    with transaction() as session:
        people_who_give.correct_email(session, donor, address, by=acting(session, as_), reason=reason)
    typer.echo(f"{donor}: mail goes there from now on.")


@app.command("erase")
def erase(
    donor: str,
    as_: As,
    reason: Annotated[str, typer.Option(help="Why, without the name; it stays in the audit log.")],
    stop_gifts: Annotated[
        bool, typer.Option("--stop-gifts", help="End the monthly gifts that run; without it they refuse it.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Forget who a donor was, for good. The books stay; what the law keeps goes when its time is over."""
    with transaction() as session:
        proof = erasing.erase(
            session, donor, by=acting(session, as_), reason=reason, stop_gifts=stop_gifts
        ).proof
    _print_proof(proof, as_json=as_json)


@app.command("erased")
def erased(donor: str, as_: As, as_json: AsJson = False) -> None:
    """The proof of an erasure again, as it was printed then."""
    with transaction() as session:
        acting(session, as_)
        proof = erasing.proven(session, donor).proof
    _print_proof(proof, as_json=as_json)


app.command("large")(large_donors.large)
app.command("doubles")(donor_merges.list_doubles)
app.command("merge")(donor_merges.merge)
app.command("unmerge")(donor_merges.unmerge)


def _print_proof(proof: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(proof)
        return
    journal = proof["journal"]
    print_facts(
        f"Donor {proof['donor']} is erased",
        [
            ("erasure", proof["erasure"]),
            ("at", proof["erased_at"]),
            ("by", proof["erased_by"]),
            ("entries in the journal", journal["entries"]),
            ("their SHA-256 before", journal["sha256_before"]),
            ("and after", journal["sha256_after"]),
        ],
    )
    print_table("Erased", ["table", ">rows"], list(proof["rows_erased"].items()))
    if proof["rows_held"]:
        print_table(
            "Held, and erased by itself the day after",
            ["table", ">rows", "until", "rule"],
            [
                (held["table"], held["rows"], held["until"], _rule(proof["rules"][held["rule"]]))
                for held in proof["rows_held"]
            ],
        )
    stripe = proof["stripe"]
    if stripe["customers_to_delete"]:
        console.print(f"  to be deleted at Stripe: {', '.join(stripe['customers_to_delete'])}", markup=False)
    if stripe["payments_of_guests"]:
        console.print(
            "  Stripe has no customer to delete: redact these payments in its dashboard (docs/operating.md): "
            + ", ".join(stripe["payments_of_guests"]),
            markup=False,
            soft_wrap=True,
        )


def _rule(rule: Mapping[str, Any]) -> str:
    return f"{rule['says']}{'' if rule['confirmed'] else ' (to be confirmed by counsel)'}"


def _print(found: Dossier) -> None:
    print_facts(
        f"Donor {found.id}",
        [
            ("name", found.name),
            ("e-mail", found.email),
            ("address", ", ".join(found.postal_address) if found.postal_address else None),
            ("language", found.locale),
            ("known since", instant(found.known_since)),
            ("erased", instant(found.erased_at)),
        ],
    )
    if found.records:
        print_table(
            "Merged into it",
            ["record", "e-mail", "since"],
            [(record.id, record.email, instant(record.merged_at)) for record in found.records],
        )
    if found.gifts:
        print_table(
            "Gifts",
            ["id", "day", "status", "channel", ">amount", "receipt", "monthly gift"],
            [
                (g.id, g.day, g.status, g.channel, g.total.format("en"), g.receipt, g.monthly_gift)
                for g in found.gifts
            ],
        )
    if found.monthly_gifts:
        print_table(
            "Monthly gifts",
            ["id", "begun", "status", ">each month", "customer at Stripe"],
            [
                (m.id, instant(m.begun), m.status, m.monthly.format("en"), m.stripe_customer)
                for m in found.monthly_gifts
            ],
        )
    if found.papers:
        print_table(
            "Receipts and statements",
            ["number", "kind", "status", "issued", ">amount"],
            [
                (p.number, p.kind, p.status, instant(p.issued_at), p.total.format("en") if p.total else None)
                for p in found.papers
            ],
        )
    if found.letters:
        print_table(
            "Letters to them",
            ["id", "about", "status", "since"],
            [(m.id, m.about, m.status, instant(m.queued_at)) for m in found.letters],
        )
    for name, ids in (
        ("thanked for", found.thanked_for),
        ("Gift Aid declarations", found.gift_aid),
        ("newsletter", found.newsletter),
    ):
        if ids:
            console.print(f"  {name}: {', '.join(ids)}", markup=False)
