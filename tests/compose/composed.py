"""The two Compose files, read as Compose reads them, as far as they use its features."""

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

PROJECT = Path(__file__).resolve().parents[2]
DEMO = "docker-compose.yml"
PRODUCTION = "docker-compose.production.yml"

A_CHARITY_FILLS_IN = {
    "APP_ENV": "production",
    "DATABASE_PASSWORD": "web-password",
    "DATABASE_OWNER_PASSWORD": "owner-password",
    "STRIPE_SECRET_KEY": "rk_live_0123456789",
    "STRIPE_WEBHOOK_SECRET": "whsec_0123456789abcdef",
    "PUBLIC_BASE_URL": "https://give.example.org",
    "SECRET_KEY": "0123456789abcdef0123456789abcdef",
    "SMTP_URL": "smtp://user:password@mail.example.org:587",
    "MAIL_FROM": "Almoner <giving@example.org>",
    "METRICS_TOKEN": "a-token-of-the-alarm",
}
"""The lines of `.env` without which production does not start."""


class SettingMissing(Exception):
    """Compose would stop with this sentence."""


def compose(file: str, environment: Mapping[str, str] | None = None) -> dict[str, Any]:
    """A file with its names filled in from `environment`, or `SettingMissing`."""
    return _filled_in(yaml.safe_load((PROJECT / file).read_text()), environment or {})


def services(file: str) -> dict[str, dict[str, Any]]:
    """The services of a file, filled in as a charity would."""
    return compose(file, A_CHARITY_FILLS_IN)["services"]


def ours(file: str) -> dict[str, dict[str, Any]]:
    """The services that run this project's own image."""
    return {name: service for name, service in services(file).items() if "build" in service}


def on_this_machine(command: list[str]) -> list[str]:
    """A command of the image, run by this environment's Python and scripts."""
    program = Path(sys.executable).with_name(command[0])
    return [str(program), *command[1:]]


_NAME = re.compile(r"\$\{(?P<name>[A-Z_]+)(?::(?P<kind>[-?])(?P<words>[^}]*))?\}")


def _filled_in(value: Any, environment: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _filled_in(inner, environment) for key, inner in value.items()}
    if isinstance(value, list):
        return [_filled_in(inner, environment) for inner in value]
    if not isinstance(value, str):
        return value

    def given(name: re.Match[str]) -> str:
        found = environment.get(name["name"], "")
        if found or name["kind"] == "-":
            return found or name["words"]
        raise SettingMissing(name["words"] or name["name"])

    return _NAME.sub(given, value)
