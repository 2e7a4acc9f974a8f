"""`almoner export map`: how a target calls our accounts and funds."""

import json
import tomllib
from pathlib import Path
from typing import Annotated, Any

import typer

from payments.cli.acting import As, OfEntity, acting
from payments.cli.printing import AsJson, console, print_json
from payments.database import transaction
from payments.donations.organisation import receiving_entity
from payments.ledger.accounts import Account
from payments.reconciliation.exports import maps
from payments.reconciliation.exports.format import Target
from payments.reconciliation.exports.maps import Map, MapWrong
from payments.reconciliation.exports.targets import known
from payments.reconciliation.months import entity_named

app = typer.Typer(no_args_is_help=True, help="How a target calls our accounts and funds.")


@app.command("show")
def show(target: str, entity: OfEntity = None, as_json: AsJson = False) -> None:
    """The map as a file that `import` takes: what is said, and what is still to be said."""
    with transaction() as session:
        found, entity_id = known(target), entity or receiving_entity(session).id
        entity_named(session, entity_id)
        said = maps.current(session, found, entity_id)
        funds = maps.funds_of(session, entity_id)
    if as_json:
        print_json({"target": target, "entity": entity_id, "version": said.version, **said.content})
        return
    console.print(_as_toml(found, entity_id, said, funds), markup=False, soft_wrap=True)


@app.command("set")
def set_one(
    target: str,
    name: Annotated[
        str, typer.Argument(help="accounts.NAME, accounts.NAME/FUND, funds.NAME or options.NAME.")
    ],
    value: str,
    *,
    as_: As,
    entity: OfEntity = None,
    as_json: AsJson = False,
) -> None:
    """Say one thing."""
    with transaction() as session:
        entity_id = entity or receiving_entity(session).id
        said = maps.change(session, known(target), entity_id, name, value, by=acting(session, as_))
    _say(target, entity_id, said, as_json=as_json)


@app.command("import")
def import_file(
    target: str,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True)],
    as_: As,
    entity: OfEntity = None,
    as_json: AsJson = False,
) -> None:
    """Take a whole map from a TOML file instead of the one before."""
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as mistake:
        raise MapWrong([f"{file} is not TOML in UTF-8: {mistake}"]) from mistake
    with transaction() as session:
        entity_id = entity or receiving_entity(session).id
        said = maps.save(session, known(target), entity_id, content, by=acting(session, as_))
    _say(target, entity_id, said, as_json=as_json)


def _say(target: str, entity_id: str, said: Map, *, as_json: bool) -> None:
    if as_json:
        print_json({"target": target, "entity": entity_id, "version": said.version, **said.content})
        return
    console.print(
        f"Version {said.version} of the map for {target}, {entity_id}: {len(said.accounts)} accounts,"
        f" {len(said.funds)} funds.",
        markup=False,
    )


def _as_toml(target: Target, entity_id: str, said: Map, funds: list[str]) -> str:
    lines = [f"# {target.name} for {entity_id}, version {said.version}", "", "[accounts]"]
    keys = [*dict.fromkeys([*said.accounts, *(account.value for account in Account)])]
    lines += [_line(key, said.accounts.get(key)) for key in keys]
    lines += ["", "[funds]"]
    lines += [_line(key, said.funds.get(key)) for key in dict.fromkeys([*said.funds, *funds])]
    lines += ["", "[options]"]
    for name, option in target.options.items():
        lines += [f"# {option.meaning}", _line(name, said.options.get(name))]
    return "\n".join(lines)


def _line(key: str, value: Any) -> str:
    """What is not said is a comment, ready to be filled in."""
    name = key if key.replace("_", "").replace("-", "").isalnum() and key.isascii() else json.dumps(key)
    return f"{name} = {json.dumps(value, ensure_ascii=False)}" if value is not None else f'# {name} = ""'
