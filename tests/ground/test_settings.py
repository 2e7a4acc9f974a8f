"""A process with a missing or malformed setting does not start, and says what to set."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from payments.settings import Settings
from tests.conftest import PROJECT, TEST_ENVIRONMENT

SECRETS = {
    name: TEST_ENVIRONMENT[name] for name in ("STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET", "SECRET_KEY")
}
# No real key, and put together here so that no scanner takes it for one.
LIVE_KEY = "rk_live_" + "0123456789"


@pytest.fixture(autouse=True)
def only_the_settings_of_the_test(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No .env of the checkout, no sandbox address: every test here says what it is about."""
    monkeypatch.chdir(tmp_path)
    for name, value in TEST_ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("STRIPE_API_BASE", "")
    monkeypatch.setenv("DATABASE_URL", "postgresql://almoner@db/almoner")


def refusal_of(**values: str) -> str:
    """What the process says when it is started with these changes; an empty value is set, not missing."""
    with pytest.MonkeyPatch.context() as environment:
        for name, value in values.items():
            environment.setenv(name, value)
        with pytest.raises(ValidationError) as refused:
            Settings()
    return str(refused.value)


@pytest.mark.parametrize("name", ["DATABASE_URL", "BROKER_URL", *SECRETS])
def test_a_missing_setting_stops_the_start_and_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(name)

    with pytest.raises(ValidationError, match=name.lower()):
        Settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("APP_ENV", "prod"),
        ("DATABASE_URL", ""),
        ("DATABASE_URL", "sqlite:///gifts.db"),
        ("DATABASE_URL", "mysql://db/almoner"),
        ("TRUSTED_PROXIES", "*"),
        ("TRUSTED_PROXIES", "nginx"),
        ("TRUSTED_PROXIES", "10.0.0.1/8"),
        ("CHECKOUTS_PER_HOUR", "0"),
        ("STRIPE_SECRET_KEY", ""),
        ("STRIPE_SECRET_KEY", "pk_test_0123456789"),
        ("STRIPE_SECRET_KEY", "sk_test_"),
        ("STRIPE_SECRET_KEY", " sk_test_0123456789"),
        ("STRIPE_SECRET_KEY", "sk_test_0123456789\n"),
        ("STRIPE_WEBHOOK_SECRET", ""),
        ("STRIPE_WEBHOOK_SECRET", "whsec_"),
        ("STRIPE_WEBHOOK_SECRET", "sk_test_0123456789abcdef"),
        ("STRIPE_WEBHOOK_SECRET", "whsec_0123456789abcdef,"),
        ("STRIPE_WEBHOOK_SECRET", "whsec_0123456789abcdef,,whsec_0123456789abcdeg"),
        ("STRIPE_WEBHOOK_SECRET", "whsec_0123456789abcdef whsec_0123456789abcdeg"),
        ("STRIPE_API_BASE", "127.0.0.1:12111"),
        ("STRIPE_API_BASE", "file:///etc/passwd"),
        ("PUBLIC_BASE_URL", ""),
        ("PUBLIC_BASE_URL", "give.example.org"),
        ("PUBLIC_BASE_URL", "https://give.example.org/?campaign=1"),
        ("PUBLIC_BASE_URL", "https://give.example.org/donate"),
        ("MAIL_FROM", ""),
        ("MAIL_FROM", "Almoner"),
        ("MAIL_FROM", "Almoner <giving@>"),
        ("MAIL_RETURN_PATH", "bounces"),
        ("SECRET_KEY", ""),
        ("SECRET_KEY", "short"),
        ("SMTP_URL", "mail.example.org:25"),
        ("SMTP_URL", "http://mail.example.org"),
        ("LOG_LEVEL", "loud"),
        ("DATABASE_POOL_SIZE", "0"),
        ("DATABASE_POOL_SIZE", "many"),
    ],
)
def test_a_malformed_setting_stops_the_start_and_is_named(name: str, value: str) -> None:
    said = refusal_of(**{name: value})

    assert name.lower() in said.lower()


@pytest.mark.parametrize("place", ["development", "demo", "test", "staging"])
def test_real_money_moves_in_production_only(place: str) -> None:
    said = refusal_of(APP_ENV=place, STRIPE_SECRET_KEY=LIVE_KEY)

    assert "APP_ENV=production" in said


def test_production_takes_no_test_key() -> None:
    said = refusal_of(APP_ENV="production", PUBLIC_BASE_URL="https://give.example.org")

    assert "APP_ENV=production" in said


def test_real_money_goes_to_stripe_and_nowhere_else() -> None:
    said = refusal_of(
        APP_ENV="production",
        STRIPE_SECRET_KEY=LIVE_KEY,
        PUBLIC_BASE_URL="https://give.example.org",
        STRIPE_API_BASE="http://127.0.0.1:12111",
    )

    assert "STRIPE_API_BASE must be empty" in said


def test_donors_come_over_https_in_production() -> None:
    said = refusal_of(
        APP_ENV="production", STRIPE_SECRET_KEY=LIVE_KEY, PUBLIC_BASE_URL="http://give.example.org"
    )

    assert "https://" in said


def test_production_starts_with_a_live_key_over_https(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APP_ENV", "production")
    monkeypatch.setenv("STRIPE_SECRET_KEY", LIVE_KEY)
    monkeypatch.setenv("PUBLIC_BASE_URL", "https://give.example.org/")

    settings = Settings()

    assert settings.is_live
    assert settings.public_base_url == "https://give.example.org"


@pytest.mark.parametrize("name", ["STRIPE_WEBHOOK_SECRETS", "STRIPE_SECRET", "STRIPE_APIBASE"])
def test_a_misspelt_stripe_setting_is_an_error_and_not_silence(name: str) -> None:
    said = refusal_of(**{name: "whsec_0123456789abcdef"})

    assert f"unknown setting {name}" in said
    assert "STRIPE_WEBHOOK_SECRET" in said


@pytest.mark.parametrize("name", ["STRIPE_API_KEY", "STRIPE_TEST_KEY", "STRIPE_DEVICE_NAME"])
def test_the_settings_of_stripes_own_tools_are_left_alone(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "something")

    assert Settings().stripe_secret_key


def test_two_webhook_secrets_are_both_valid_while_one_is_rotated_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRIPE_WEBHOOK_SECRET", "whsec_0123456789abcdef, whsec_fedcba9876543210")

    assert Settings().webhook_secrets == ("whsec_0123456789abcdef", "whsec_fedcba9876543210")


def test_settings_shown_in_a_log_or_a_traceback_show_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMTP_URL", "smtp://user:pa55word@mail.example.org:587")
    monkeypatch.setenv("METRICS_TOKEN", "token-of-the-metrics")

    shown = repr(Settings()) + str(Settings())

    for secret in (*SECRETS.values(), "pa55word", "token-of-the-metrics"):
        assert secret not in shown


@given(st.sampled_from([*SECRETS, "SMTP_URL"]), st.text("abcdefgh0123456789", min_size=6, max_size=20))
def test_a_refusal_never_repeats_the_refused_secret(name: str, almost_a_secret: str) -> None:
    value = f"wrong-{almost_a_secret}"

    assert almost_a_secret not in refusal_of(**{name: value})


def test_a_refusal_of_the_whole_never_repeats_a_secret() -> None:
    said = refusal_of(APP_ENV="staging", STRIPE_SECRET_KEY=LIVE_KEY)

    assert LIVE_KEY not in said
    assert not any(secret in said for secret in SECRETS.values())


def entries_of_the_example() -> list[tuple[str, str, str]]:
    """Name, value and the comment above each, in the order of the file."""
    found = []
    for paragraph in (PROJECT / ".env.example").read_text().split("\n\n"):
        comment, _, last = paragraph.strip().rpartition("\n")
        if entry := re.fullmatch(r"([A-Z_]+)=(.*)", last):
            found.append((entry[1], entry[2], comment))
    return found


def test_the_example_names_every_setting_once_in_order_and_says_what_it_is_for() -> None:
    entries = entries_of_the_example()

    assert [name.lower() for name, _, _ in entries] == list(Settings.model_fields)
    for name, _, comment in entries:
        assert all(line.startswith("# ") for line in comment.splitlines()), name
        assert len(comment) > 20, name


def test_the_example_as_it_is_starts_nothing_and_asks_for_the_secrets(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in TEST_ENVIRONMENT:
        monkeypatch.delenv(name)

    with pytest.raises(ValidationError) as refused:
        Settings(_env_file=PROJECT / ".env.example")

    assert {str(error["loc"][0]).upper() for error in refused.value.errors()} == set(SECRETS)


def test_the_example_with_its_secrets_filled_in_is_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in TEST_ENVIRONMENT.keys() - SECRETS.keys():
        monkeypatch.delenv(name)

    settings = Settings(_env_file=PROJECT / ".env.example")

    plain = {name: value for name, value, _ in entries_of_the_example() if name not in SECRETS}
    defaults = Settings.model_fields
    assert settings.app_env == plain["APP_ENV"] == "development"
    assert settings.log_level == plain["LOG_LEVEL"] == defaults["log_level"].default
    assert (
        settings.database_pool_size
        == int(plain["DATABASE_POOL_SIZE"])
        == defaults["database_pool_size"].default
    )
