"""A Django site with nothing but dj-stripe in its queue configuration: the package verifies and stores
each webhook, and DJSTRIPE_WEBHOOK_EVENT_CALLBACK hands it to Celery, as its documentation shows.
Runs in the rivals' own environment: `python -m bench.rivals.djstripe_site` makes the tables.
"""

import os
import uuid
from functools import partial
from urllib.parse import parse_qs, urlsplit

import django
from celery import Celery, shared_task
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.db import transaction
from django.urls import include, path

ENDPOINT = uuid.UUID("0f1f6f0e-6f0d-4b57-9d0a-6d1f0a3f6b11")
_address = urlsplit(os.environ["DATABASE_URL"])

settings.configure(
    DEBUG=False,
    SECRET_KEY="bench" * 10,
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "djstripe"],
    MIDDLEWARE=[],
    USE_TZ=True,
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": _address.path.lstrip("/"),
            "USER": "postgres",
            "HOST": parse_qs(_address.query)["host"][0],
            "CONN_MAX_AGE": None,
        }
    },
    STRIPE_TEST_SECRET_KEY=os.environ["STRIPE_SECRET_KEY"],
    STRIPE_LIVE_MODE=False,
    DJSTRIPE_FOREIGN_KEY_TO_FIELD="id",
    DJSTRIPE_WEBHOOK_EVENT_CALLBACK=f"{__name__}.hand_over",
    LOGGING={"version": 1, "disable_existing_loggers": False, "root": {"level": "ERROR"}},
)
application = get_wsgi_application()
celery = Celery("djstripe_site", broker=os.environ["BROKER_URL"])
celery.conf.task_ignore_result = True
celery.set_default()
urlpatterns = [path("stripe/", include("djstripe.urls", namespace="djstripe"))]


@shared_task
def process_webhook_event(trigger_id: int) -> None:
    """What would apply the event; the intake benchmark only measures the handing over."""


def hand_over(trigger: object, api_key: str = "") -> None:
    """The callback: the id to Celery once the row is committed."""
    transaction.on_commit(partial(process_webhook_event.delay, trigger.pk))  # type: ignore[attr-defined]


def make_tables() -> None:
    """Migrate, and write the endpoint that dj-stripe looks the secret up in."""
    from django.core.management import call_command  # noqa: PLC0415 - needs the settings above
    from djstripe.models import WebhookEndpoint  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    WebhookEndpoint.objects.create(
        id="we_bench",
        livemode=False,
        url="http://127.0.0.1/stripe/webhook/",
        secret=os.environ["STRIPE_WEBHOOK_SECRET"],
        enabled_events=["*"],
        status="enabled",
        djstripe_uuid=ENDPOINT,
    )


if __name__ == "__main__":
    print(django.get_version())
    make_tables()
