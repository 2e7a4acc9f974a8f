"""The sandbox's clock is moved from a terminal, and nobody moves Stripe's."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from typer.testing import CliRunner

from payments.cli import app
from payments.cli.sandbox import SandboxNotSet, SandboxRefused, SandboxUnreachable, TimeNotSaid
from tests.cli.conftest import Said
from tests.sandbox.conftest import Sandbox, launch
from tests.sandbox.monthly import moment, started

Almoner = Callable[..., Said]


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    running = launch()
    yield running
    running.stop()


@pytest.fixture
def almoner(with_settings: Callable[..., None]) -> Callable[[str], Almoner]:
    """`almoner(base)("sandbox", "advance", …)`: a terminal whose STRIPE_API_BASE is this one."""

    def beside(base: str) -> Almoner:
        with_settings(stripe_api_base=base)

        def run(*words: str) -> Said:
            result = CliRunner().invoke(app, list(words))
            error = result.exception if not isinstance(result.exception, SystemExit) else None
            return Said(result.exit_code, result.output, error)

        return run

    return beside


def test_three_months_pass_and_are_told(sandbox: Sandbox, almoner: Callable[[str], Almoner]):
    plan = started(sandbox, on="2027-01-31T10:00")

    said = almoner(sandbox.url)("sandbox", "advance", "--months", "3")

    assert said.exit_code == 0, said.error
    assert "2027-04-30T10:00" in said.text
    assert len(plan.invoices()) == 4


def test_a_day_is_named_and_the_answer_is_one_document(sandbox: Sandbox, almoner: Callable[[str], Almoner]):
    run = almoner(sandbox.url)

    moved = run("sandbox", "advance", "--to", "2030-02-03", "--json")
    clock = run("sandbox", "clock", "--json")

    assert moved.json["now"] // 60 == moment("2030-02-03") // 60
    assert clock.json["now"] - moved.json["now"] < 60


def test_a_clock_is_not_moved_back(sandbox: Sandbox, almoner: Callable[[str], Almoner]):
    said = almoner(sandbox.url)("sandbox", "advance", "--to", "2020-01-01")

    assert isinstance(said.error, SandboxRefused)
    assert "only moves forward" in str(said.error)


@pytest.mark.parametrize("words", [[], ["--days", "1", "--months", "1"]])
def test_how_far_is_said_once(almoner: Callable[[str], Almoner], words: list[str]):
    assert isinstance(almoner("http://127.0.0.1:9")("sandbox", "advance", *words).error, TimeNotSaid)


@pytest.mark.parametrize(
    ("base", "error", "words"),
    [
        ("", SandboxNotSet, "STRIPE_API_BASE is empty"),
        ("http://127.0.0.1:9", SandboxUnreachable, "Is it running?"),
    ],
)
def test_without_a_sandbox_it_says_so(
    almoner: Callable[[str], Almoner], base: str, error: type[Exception], words: str
):
    said = almoner(base)("sandbox", "advance", "--days", "1")

    assert isinstance(said.error, error)
    assert words in str(said.error)


def test_live_keys_have_no_clock_to_move(with_settings: Callable[..., None]):
    with_settings(
        stripe_secret_key="rk_live_not_a_real_key_1",  # noqa: S106
        app_env="production",
        public_base_url="https://give.example.org",
        stripe_api_base="",
    )

    result = CliRunner().invoke(app, ["sandbox", "advance", "--days", "1"])

    assert isinstance(result.exception, SandboxNotSet)
