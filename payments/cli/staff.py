"""`almoner staff`: who works with the gifts, what they may do, and their keys to the API."""

from datetime import datetime
from typing import Annotated, Any

import typer

from payments.cli.acting import As, Why, acting
from payments.cli.printing import AsJson, console, instant, print_json, print_table
from payments.clock import now
from payments.database import transaction
from payments.staff import links, people, tokens
from payments.staff.models import Role, StaffMember, StaffToken

app = typer.Typer(no_args_is_help=True, help="Who works with the gifts.")

Roles = Annotated[list[Role] | None, typer.Option("--role", help="Say it once for each role.")]


@app.command("add")
def add(
    email: str,
    name: Annotated[str, typer.Option(help="As it stands in the audit log.")],
    roles: Roles = None,
    as_: Annotated[
        str | None, typer.Option("--as", metavar="EMAIL", help="The admin who adds; nobody for the first.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Add somebody. The first person needs no `--as` and is an admin alone."""
    with transaction() as session:
        if as_ is None:
            person = people.add_first(session, email=email, name=name, roles=roles or [])
        else:
            person = people.add(session, email=email, name=name, roles=roles or [], by=acting(session, as_))
    if as_json:
        print_json(_shown(person))
        return
    console.print(f"{person.name}: {', '.join(person.roles) or 'no role yet'}.", markup=False)


@app.command("list")
def list_staff(as_json: AsJson = False) -> None:
    """Everybody, with their roles."""
    with transaction() as session:
        rows = [_shown(person) for person in people.everybody(session)]
    if as_json:
        print_json(rows)
        return
    print_table(
        "Staff",
        ["name", "address", "roles", "state"],
        [
            (r["name"], r["email"], ", ".join(r["roles"]), "active" if r["is_active"] else "deactivated")
            for r in rows
        ],
    )


@app.command("roles")
def roles(email: str, as_: As, roles: Roles = None, as_json: AsJson = False) -> None:
    """Give somebody exactly these roles; nobody gives any to themselves."""
    with transaction() as session:
        person = people.find(session, email)
        people.give_roles(session, person, roles or [], by=acting(session, as_))
    if as_json:
        print_json(_shown(person))
        return
    console.print(f"{person.name}: {', '.join(person.roles) or 'no role any more'}.", markup=False)


@app.command("deactivate")
def deactivate(email: str, as_: As, reason: Why, as_json: AsJson = False) -> None:
    """Somebody leaves: no deed and no token of theirs is taken any more."""
    with transaction() as session:
        person = people.find(session, email)
        people.deactivate(session, person, by=acting(session, as_), reason=reason)
    if as_json:
        print_json(_shown(person))
        return
    console.print(f"{person.name} is deactivated.", markup=False)


@app.command("token")
def token(
    email: str,
    as_: As,
    days: Annotated[int, typer.Option(help="How long it opens the API.")] = 90,
    as_json: AsJson = False,
) -> None:
    """Make a token for the staff API. It is shown now and never again."""
    with transaction() as session:
        person = people.find(session, email)
        made = tokens.make(session, person, days=days, by=acting(session, as_))
    if as_json:
        print_json({"token": made, "days": days})
        return
    console.print(made, markup=False, soft_wrap=True)
    typer.echo(
        f"Keep it now: it is not stored here and cannot be shown again. It ends in {days} days.", err=True
    )


@app.command("tokens")
def list_tokens(email: str, as_json: AsJson = False) -> None:
    """Somebody's tokens, by their first letters."""
    with transaction() as session:
        rows = [_token(row) for row in tokens.of(session, people.find(session, email))]
    if as_json:
        print_json(rows)
        return
    print_table(
        "Tokens",
        ["begins", "made", "ends", "state"],
        [(r["prefix"], instant(r["created_at"]), instant(r["expires_at"]), r["state"]) for r in rows],
    )


@app.command("revoke")
def revoke(prefix: str, as_: As, reason: Why) -> None:
    """End a token now; named by its first letters."""
    with transaction() as session:
        tokens.revoke(session, prefix, by=acting(session, as_), reason=reason)
    typer.echo(f"{prefix}… opens nothing any more.")


@app.command("invite")
def invite(email: str, as_: As, as_json: AsJson = False) -> None:
    """Make the link by which somebody sets a password and a second factor for the console.

    It works once and for a day. Made for whoever lost a telephone, it is the way back: their password and
    codes count no more from now on, and they are signed out everywhere.
    """
    with transaction() as session:
        person = people.find(session, email)
        address = links.invite(session, person, by=acting(session, as_))
    if as_json:
        print_json({"url": address})
        return
    console.print(address, markup=False, soft_wrap=True)
    typer.echo(f"For {person.name} alone: hand it over in person or by a way that is theirs.", err=True)


@app.command("sign-in-link")
def sign_in_link(
    email: Annotated[str, typer.Argument(help="Whom it lets in.")] = links.DEMO_ADDRESS,
    as_json: AsJson = False,
) -> None:
    """In the demo: an address that signs somebody in at the console with one click. It works once."""
    with transaction() as session:
        links.people_of_the_demo(session)
        address = links.into_the_demo(session, email)
    if as_json:
        print_json({"url": address})
        return
    console.print(address, markup=False, soft_wrap=True)


def _shown(person: StaffMember) -> dict[str, Any]:
    return {
        "id": person.id,
        "name": person.name,
        "email": person.email,
        "roles": person.roles,
        "is_active": person.is_active,
    }


def _token(row: StaffToken) -> dict[str, Any]:
    return {
        "prefix": row.prefix,
        "created_at": row.created_at,
        "expires_at": row.expires_at,
        "state": _state(row.revoked_at, row.expires_at),
    }


def _state(revoked_at: datetime | None, expires_at: datetime) -> str:
    if revoked_at is not None:
        return "revoked"
    return "ended" if expires_at <= now() else "valid"
