"""Everything the environment may set, checked when a process starts.

A missing or malformed secret stops the start with a sentence that says what to set: a server that
runs without a webhook secret would accept forged payments. Values may also come from files in
/run/secrets, one file a name.
"""

import os
import re
from email.utils import parseaddr
from functools import cache
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import Field, SecretStr, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from payments.once import once

_SECRETS_DIR = Path("/run/secrets")
_ENV_FILE = ".env"
_STRIPE_KEY = re.compile(r"(sk|rk)_(test|live)_[A-Za-z0-9_]{8,}")
_RRN_KEY = re.compile(r"[A-Za-z0-9+/]{43}=")
_WEBHOOK_SECRET = re.compile(r"whsec_[A-Za-z0-9+/=_-]{16,}")


class Settings(BaseSettings):
    """One field a name; the comments of `.env.example` say what each is for."""

    model_config = SettingsConfigDict(
        env_file=_ENV_FILE,
        extra="ignore",
        secrets_dir=_SECRETS_DIR if _SECRETS_DIR.is_dir() else None,
        hide_input_in_errors=True,
    )

    app_env: Literal["production", "staging", "demo", "test", "development"] = "development"
    database_url: str
    broker_url: str
    stripe_secret_key: SecretStr
    stripe_webhook_secret: SecretStr
    stripe_api_base: str = ""
    sandbox_clock: str = ""
    stripe_account: str = ""
    public_base_url: str = "http://127.0.0.1:8000"
    secret_key: SecretStr
    rrn_key: SecretStr = SecretStr("")
    smtp_url: SecretStr = SecretStr("smtp://127.0.0.1:1025")
    mail_from: str = "Almoner <giving@example.org>"
    mail_return_path: str = ""
    mail_reports_url: SecretStr = SecretStr("")
    mail_provider: Literal["", "postmark"] = ""
    mail_webhook_secret: SecretStr = SecretStr("")
    newsletter_origins: str = ""
    metrics_token: SecretStr = SecretStr("")
    trusted_proxies: str = ""
    checkouts_per_hour: int = Field(default=2000, ge=60, le=1_000_000_000)
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["json", "text"] = "json"
    database_pool_size: int = Field(default=10, ge=1, le=200)

    @field_validator("database_url")
    @classmethod
    def _postgres_only(cls, url: str) -> str:
        if not url.startswith(("postgresql://", "postgresql+psycopg://")):
            raise ValueError("DATABASE_URL must be a postgresql:// address: there is one dialect here")
        return url

    @field_validator("stripe_secret_key")
    @classmethod
    def _looks_like_a_stripe_key(cls, key: SecretStr) -> SecretStr:
        if not _STRIPE_KEY.fullmatch(key.get_secret_value()):
            raise ValueError(
                "STRIPE_SECRET_KEY must be a key like rk_live_… or sk_test_… from the Stripe dashboard"
            )
        return key

    @field_validator("stripe_webhook_secret")
    @classmethod
    def _every_webhook_secret_is_real(cls, value: SecretStr) -> SecretStr:
        secrets = [part.strip() for part in value.get_secret_value().split(",")]
        if not all(_WEBHOOK_SECRET.fullmatch(secret) for secret in secrets):
            raise ValueError(
                "STRIPE_WEBHOOK_SECRET must be one whsec_… signing secret, or several separated by commas"
            )
        return value

    @field_validator("secret_key")
    @classmethod
    def _long_enough(cls, key: SecretStr) -> SecretStr:
        if len(key.get_secret_value()) < 32:
            raise ValueError("SECRET_KEY must be at least 32 random characters (openssl rand -hex 32)")
        return key

    @field_validator("rrn_key")
    @classmethod
    def _every_rrn_key_is_whole(cls, value: SecretStr) -> SecretStr:
        if any(not _RRN_KEY.fullmatch(part.strip()) for part in value.get_secret_value().split(",") if part):
            raise ValueError("RRN_KEY must be 32 random bytes in base64 (openssl rand -base64 32), or empty")
        return value

    @field_validator("public_base_url", "stripe_api_base")
    @classmethod
    def _plain_origin(cls, url: str) -> str:
        if not url:
            return url
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
            raise ValueError(
                "must be a plain http(s) address without query, such as https://give.example.org"
            )
        return url.rstrip("/")

    @field_validator("public_base_url")
    @classmethod
    def _without_a_path(cls, url: str) -> str:
        if urlsplit(url).path:
            raise ValueError("PUBLIC_BASE_URL has no path: the pages stand at the root of their address")
        return url

    @field_validator("newsletter_origins")
    @classmethod
    def _origins_only(cls, value: str) -> str:
        for origin in _separated(value):
            parts = urlsplit(origin)
            if parts.scheme not in {"http", "https"} or origin != f"{parts.scheme}://{parts.netloc}".lower():
                raise ValueError(
                    "NEWSLETTER_ORIGINS are origins with commas between, without a path or a slash at the"
                    " end: https://www.example.org,https://example.org"
                )
        return value

    @field_validator("mail_from", "mail_return_path")
    @classmethod
    def _names_an_address(cls, sender: str, info: ValidationInfo) -> str:
        if info.field_name == "mail_return_path" and not sender:
            return sender
        if not re.fullmatch(r"[^@\s]+@[^@\s]+", parseaddr(sender)[1]):
            raise ValueError("must name an e-mail address, such as Almoner <giving@example.org>")
        return sender

    @field_validator("smtp_url")
    @classmethod
    def _smtp(cls, url: SecretStr) -> SecretStr:
        parts = urlsplit(url.get_secret_value())
        if parts.scheme not in {"smtp", "smtps"} or not re.fullmatch(r"(timeout=\d+(\.\d+)?)?", parts.query):
            raise ValueError(
                "SMTP_URL must look like smtp://user:password@mail.example.org:587, for a slow server with"
                " ?timeout=30 behind it"
            )
        return url

    @field_validator("mail_reports_url")
    @classmethod
    def _mailbox(cls, url: SecretStr) -> SecretStr:
        parts = urlsplit(url.get_secret_value())
        if url.get_secret_value() and not (
            (parts.scheme in {"imap", "imaps"} and parts.hostname)
            or (parts.scheme == "maildir" and parts.path)
        ):
            raise ValueError(
                "MAIL_REPORTS_URL must look like imaps://user:password@mail.example.org/INBOX, or like"
                " maildir:/path"
            )
        return url

    @field_validator("trusted_proxies")
    @classmethod
    def _every_proxy_is_a_network(cls, named: str) -> str:
        try:
            _networks(named)
        except ValueError as mistake:
            raise ValueError(
                "TRUSTED_PROXIES must be addresses or networks, separated by commas, such as"
                " 127.0.0.1,172.18.0.0/16"
            ) from mistake
        return named

    @model_validator(mode="after")
    def _provider_proves_itself(self) -> Self:
        if self.mail_provider and len(self.mail_webhook_secret.get_secret_value()) < 16:
            raise ValueError(
                "MAIL_WEBHOOK_SECRET must be at least 16 random characters: with them the provider proves"
                " that a report is its own"
            )
        return self

    @model_validator(mode="after")
    def _live_money_only_in_production(self) -> Self:
        if not self.public_base_url:
            raise ValueError("PUBLIC_BASE_URL is the address donors come to; it must not be empty")
        is_production = self.app_env == "production"
        if self.is_live != is_production:
            raise ValueError(
                "live Stripe keys (…_live_…) belong to APP_ENV=production and test keys to every other"
            )
        if self.is_live and self.stripe_api_base:
            raise ValueError("STRIPE_API_BASE must be empty with live keys: money goes only to Stripe")
        if self.sandbox_clock and not self.stripe_api_base:
            raise ValueError("SANDBOX_CLOCK belongs beside a sandbox: Stripe's own clock cannot be moved")
        if is_production and not self.public_base_url.startswith("https://"):
            raise ValueError("PUBLIC_BASE_URL must be https:// in production")
        return self

    @model_validator(mode="after")
    def _no_misspelt_stripe_name(self) -> Self:
        known = {name.upper() for name in type(self).model_fields if name.startswith("stripe_")}
        set_names = os.environ.keys() | dotenv_values(_ENV_FILE).keys()
        unknown = sorted(
            name for name in set_names if name.startswith("STRIPE_") and name not in known | _FOREIGN_NAMES
        )
        if unknown:
            raise ValueError(f"unknown setting {', '.join(unknown)}; known are {', '.join(sorted(known))}")
        return self

    @property
    def newsletter_sites(self) -> frozenset[str]:
        """The origins of other sites that may send the newsletter box, beside the charity's own."""
        return frozenset(_separated(self.newsletter_origins))

    @property
    def is_live(self) -> bool:
        """Whether the key moves real money."""
        return "_live_" in self.stripe_secret_key.get_secret_value()

    @property
    def proxies(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """The web servers whose word is taken for where a request comes from."""
        return _networks(self.trusted_proxies)

    @property
    def webhook_secrets(self) -> tuple[str, ...]:
        """Every signing secret that is valid now; two of them while one is being rotated out."""
        return tuple(part.strip() for part in self.stripe_webhook_secret.get_secret_value().split(","))


@cache
def _networks(named: str) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(ip_network(part.strip()) for part in named.split(",") if part.strip())


def _separated(value: str) -> list[str]:
    return [part.strip() for part in value.split(",") if part.strip()]


# Read by other programs on the same machine: the contract tests, the sandbox and Stripe's own CLI.
_FOREIGN_NAMES = {
    "STRIPE_TEST_KEY",
    "STRIPE_SANDBOX_WEBHOOK_SECRET",
    "STRIPE_API_KEY",
    "STRIPE_DEVICE_NAME",
    "STRIPE_CLI_TELEMETRY_OPTOUT",
}


class MigrationSettings(BaseSettings):
    """All that a migration needs to know: it runs where no Stripe key has any business."""

    model_config = SettingsConfigDict(
        env_file=_ENV_FILE, extra="ignore", secrets_dir=_SECRETS_DIR if _SECRETS_DIR.is_dir() else None
    )

    database_url: str = ""
    migration_database_url: str = ""


@once
def settings() -> Settings:
    """The settings of this process, read once."""
    return Settings()
