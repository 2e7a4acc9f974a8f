"""One book for the whole module, in a database of its own: every test looks at it and puts it back."""

import json
import os
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from sqlalchemy import make_url, text

from payments.database import engine, libpq_url, transaction
from payments.donations.organisation import load
from payments.verify.check import Finding
from payments.verify.checks import CHECKS
from payments.verify.run import breaches
from payments.webhooks.rebuild import Rebuilt, rebuild
from tests.conftest import PROJECT, as_owner, copy_of_head, forget_settings, making_databases
from tests.verify.book import Book, write


@dataclass(frozen=True, slots=True)
class Seeded:
    """A written book and where it is."""

    url: str
    book: Book
    made: Rebuilt
    """What its log came to, applied again as soon as it was written."""

    @contextmanager
    def changed(self, statement: str) -> Iterator[tuple[psycopg.Connection[Any], set[str]]]:
        """The database as it would be had the owner of everything done this behind the program's back,
        and the ids that the statement says it changed."""
        with psycopg.connect(libpq_url(self.url)) as owner:
            owner.execute("set local session_replication_role = replica")
            done = owner.execute(statement)
            assert done.rowcount, "the corruption changed nothing"
            yield owner, {row[0] for row in done.fetchall()} if done.description else set()
            owner.rollback()


def everything_found(connection: psycopg.Connection[Any]) -> list[Finding]:
    """What all the checks find."""
    return [finding for check in CHECKS for finding in breaches(connection, check)]


@contextmanager
def writing_into(url: str) -> Iterator[None]:
    """The settings pointing to this database while it is written."""
    before = {key: os.environ[key] for key in ("DATABASE_URL", "BROKER_URL")}
    engine().dispose()
    os.environ.update(DATABASE_URL=url, BROKER_URL="memory://")
    forget_settings()
    engine.forget()
    try:
        yield
    finally:
        engine().dispose()
        os.environ.update(before)
        forget_settings()
        engine.forget()


@pytest.fixture(scope="session")
def seeded(postgres: str, head_template: str) -> Iterator[Seeded]:
    """The book, written once."""
    name = f"test_verify_{os.getpid()}"
    with making_databases(postgres) as server:
        copy_of_head(server, name, head_template)
    url = make_url(postgres).set(database=name).render_as_string(hide_password=False)
    with writing_into(url):
        with transaction() as session:
            load(session, tomllib.loads((PROJECT / "payments/local/organisation.toml").read_text()))
        book = write(plain_gifts=240)
        made = rebuild()
    with as_owner(url) as owner:
        # As if it had all been heard on the day it happened, so that nothing counts as on its way.
        owner.exec_driver_sql(
            "begin; set local session_replication_role = replica;"
            " update stripe_events set received_at = created_at;"
            " update disputes set closed_at = closed_at - interval '9 days'; commit; analyze"
        )
    yield Seeded(url, book, made)
    with making_databases(postgres) as server:
        server.execute(text(f"drop database if exists {name} with (force)"))


def told(findings: list[Finding]) -> str:
    """For the message of a failing test."""
    return json.dumps([(f.kind, f.subjects, f.sentence) for f in findings], indent=1, ensure_ascii=False)
