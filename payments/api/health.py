"""`/healthz`, `/readyz` and `/metrics`: for load balancers and alarms, not for people."""

import hmac
from collections.abc import Iterator
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from pydantic import BaseModel
from sqlalchemy import func, select

from payments import checkup
from payments.api.problems import documented
from payments.checkup_shield import card_testing
from payments.database import transaction
from payments.dependencies import DatabaseSession
from payments.donations.models import Donation
from payments.receipts.models import Receipt
from payments.reconciliation import reconcile
from payments.settings import settings
from payments.shield import attack
from payments.supporters.newsletter import listing

router = APIRouter(tags=["health"])


class CheckShown(BaseModel):
    """One fact and what to do about it."""

    name: str
    is_well: bool
    finding: str
    remedy: str


class Readiness(BaseModel):
    """Ready, degraded (donations and webhooks are taken, work waits), or not ready."""

    status: Literal["ready", "degraded", "not ready"]
    checks: list[CheckShown]


@router.get("/healthz", summary="The process is alive")
def healthz() -> dict[str, str]:
    """Says nothing of the database or the broker: a restart would not mend those."""
    return {"status": "ok"}


@router.get("/readyz", responses=documented(503), summary="Donors and webhooks may be sent here")
def readyz(session: DatabaseSession, response: Response) -> Readiness:
    """503 while the database is away or behind; a lost broker or silent worker is only degraded."""
    needed = checkup.readiness(session)
    other = [*checkup.work(session), *card_testing(session), checkup.broker()]
    if not all(check.is_well for check in needed):
        status: Literal["ready", "degraded", "not ready"] = "not ready"
        response.status_code = 503
    else:
        status = "ready" if all(check.is_well for check in other) else "degraded"
    return Readiness(
        status=status,
        checks=[
            CheckShown(name=c.name, is_well=c.is_well, finding=c.finding, remedy=c.remedy)
            for c in (*needed, *other)
        ],
    )


_bearer = HTTPBearer(auto_error=False)


@router.get("/metrics", include_in_schema=False)
def metrics(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> Response:
    """Prometheus text. With METRICS_TOKEN only for its bearer, without only on this machine."""
    token = settings().metrics_token.get_secret_value()
    if token:
        given = credentials.credentials if credentials else ""
        if not hmac.compare_digest(given.encode(), token.encode()):
            raise HTTPException(401, "Send METRICS_TOKEN as a bearer token.", {"WWW-Authenticate": "Bearer"})
    elif settings().app_env == "production" or not _is_this_machine(request):
        # Behind a proxy everybody comes from this machine, so production always asks for the token.
        raise HTTPException(403, "Set METRICS_TOKEN to read the metrics from another machine.")
    return Response(generate_latest(REGISTRY), media_type=CONTENT_TYPE_LATEST)


def _is_this_machine(request: Request) -> bool:
    return request.client is not None and request.client.host in {"127.0.0.1", "::1", "testclient"}


class _FromTheDatabase(Collector):
    """Gauges read when somebody asks: the truth is in the database, not in this process."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Every gauge, with one reading."""
        with transaction() as session:
            waiting = checkup.queues(session)
            gifts = session.execute(select(Donation.status, func.count()).group_by(Donation.status)).all()
            receipts = session.execute(select(Receipt.status, func.count()).group_by(Receipt.status)).all()
            reconciled = reconcile.standing(session)
            giving = attack.signals(session)
            readers = listing.standings(session)
        for name, value, meaning in (
            ("events_due", waiting.events_due, "Events waiting to be applied"),
            ("events_oldest_seconds", waiting.events_oldest, "Age of the oldest event waiting"),
            ("events_parked", waiting.events_parked, "Events that wait for a person"),
            ("receipts_due", waiting.receipts_due, "Paid gifts without their receipt"),
            ("receipts_oldest_seconds", waiting.receipts_oldest, "Age of the oldest due receipt"),
            ("receipt_pages_due", waiting.documents_due, "Numbered receipts without their page"),
            ("receipt_pages_oldest_seconds", waiting.documents_oldest, "Age of the oldest due page"),
            ("mails_due", waiting.mails_due, "Mails to send"),
            ("mails_oldest_seconds", waiting.mails_oldest, "Age of the oldest mail to send"),
            ("mails_undeliverable", waiting.mails_undeliverable, "Mails refused or given up"),
            ("newsletter_asked", waiting.newsletter_asked, "Addresses that were typed and not yet asked"),
            ("newsletter_oldest_seconds", waiting.newsletter_oldest, "Age of the oldest of them"),
            ("workers_alive", waiting.workers_alive, "Workers heard from in the last minute"),
            ("last_event_seconds", waiting.last_event or 0.0, "Time since Stripe last spoke"),
            ("reconciled_seconds", reconciled.age_seconds or 0.0, "Time since the last reconciliation"),
            ("exceptions_open", reconciled.open, "Exceptions in the queue"),
            ("exceptions_blocking", reconciled.blocks_close, "Exceptions that keep a month open"),
            ("payouts_not_proven", reconciled.payouts_not_proven, "Payouts not proven in time"),
            ("under_attack", giving.is_attack, "Whether stolen cards are being tried out"),
            ("pages_opened_ten_minutes", giving.opened, "Payment pages opened in ten minutes"),
            ("pages_paid_ten_minutes", giving.paid, "Of those, paid"),
            ("cards_declined_ten_minutes", giving.declined, "Cards declined in ten minutes"),
            ("tries_turned_away_ten_minutes", giving.turned_away, "New gifts turned away in ten minutes"),
        ):
            yield GaugeMetricFamily(f"almoner_{name}", meaning, value=value)
        by_status = GaugeMetricFamily("almoner_gifts", "Gifts by status", labels=["status"])
        for status, count in gifts:
            by_status.add_metric([status], count)
        yield by_status
        issued = GaugeMetricFamily("almoner_receipts", "Receipts by status", labels=["status"])
        for receipt_status, count in receipts:
            issued.add_metric([receipt_status], count)
        yield issued
        reading = GaugeMetricFamily("almoner_readers", "Readers by standing", labels=["standing"])
        for standing, count in readers.items():
            reading.add_metric([standing], count)
        yield reading

    def describe(self) -> list[GaugeMetricFamily]:
        """Nothing at registration: there may be no database yet."""
        return []


REGISTRY.register(_FromTheDatabase())
