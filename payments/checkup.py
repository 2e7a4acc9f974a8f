"""What the house knows of its own health: asked by `/readyz`, `/metrics` and `almoner doctor` alike.

Each check is one fact, whether it is well, and what to do when it is not. Ages are seconds by the
database's clock.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import and_, extract, func, select, text, union_all
from sqlalchemy.orm import Session

from payments.donations import owed
from payments.donations.models import Organisation
from payments.donations.reversals import Dispute, FraudWarning, Refund, RefundStatus
from payments.errors import AlmonerError
from payments.jobs import WorkerHeartbeat, broker_answers
from payments.ledger.accounts import Account
from payments.ledger.balances import balances, tie_out
from payments.mail.models import UNDELIVERABLE, MailStatus, OutgoingMail
from payments.receipts.models import DueDocument, DueReceipt, DueStatement
from payments.settings import settings
from payments.stripe_gateway.client import StripeGateway
from payments.stripe_gateway.shapes import API_VERSION
from payments.supporters.newsletter.models import NewsletterRequest
from payments.webhooks.events import TABLE
from payments.webhooks.models import QueuedEvent, StripeEvent
from payments.webhooks.receive import PATH

LATE_SECONDS = 15 * 60
"""Work older than this is an alarm: the timetable looks every few seconds."""
_WORKER_SILENT_SECONDS = 60
_MIGRATIONS = Path(__file__).parent.parent / "alembic"


@dataclass(frozen=True, slots=True, kw_only=True)
class Queues:
    """How much waits, how long already, and what waits for a person. Ages in seconds."""

    events_due: int
    events_oldest: float
    events_parked: int
    receipts_due: int
    receipts_oldest: float
    receipts_put_off: int
    documents_due: int
    documents_oldest: float
    documents_put_off: int
    mails_due: int
    mails_oldest: float
    mails_undeliverable: int
    newsletter_asked: int
    newsletter_oldest: float
    workers_alive: int
    last_event: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One fact about the house."""

    name: str
    is_well: bool
    finding: str
    remedy: str = ""


def queues(session: Session) -> Queues:
    """Everything that waits, in one reading."""
    due = QueuedEvent.parked_reason.is_(None)
    queued = and_(OutgoingMail.status == MailStatus.QUEUED.value, OutgoingMail.queued_at <= func.now())
    events = session.execute(
        select(
            func.count().filter(due),
            func.coalesce(seconds_since(func.min(StripeEvent.received_at).filter(due)), 0),
            func.count().filter(~due),
        )
        .select_from(QueuedEvent)
        .join(StripeEvent, StripeEvent.stripe_event_id == QueuedEvent.stripe_event_id)
    ).one()
    receipts = session.execute(
        select(
            func.count(),
            func.coalesce(seconds_since(func.min(DueReceipt.due_at)), 0),
            func.count().filter(DueReceipt.last_error.is_not(None)),
        )
    ).one()
    to_set = union_all(
        select(DueDocument.due_at, DueDocument.last_error),
        select(DueStatement.due_at, DueStatement.last_error),
    ).subquery()
    documents = session.execute(
        select(
            func.count(),
            func.coalesce(seconds_since(func.min(to_set.c.due_at)), 0),
            func.count().filter(to_set.c.last_error.is_not(None)),
        )
    ).one()
    mails = session.execute(
        select(
            func.count().filter(queued),
            func.coalesce(seconds_since(func.min(OutgoingMail.queued_at).filter(queued)), 0),
            func.count().filter(OutgoingMail.status.in_([status.value for status in UNDELIVERABLE])),
        )
    ).one()
    asked = session.execute(
        select(func.count(), func.coalesce(seconds_since(func.min(NewsletterRequest.asked_at)), 0))
    ).one()
    workers = session.scalar(
        select(func.count()).where(seconds_since(WorkerHeartbeat.beaten_at) < _WORKER_SILENT_SECONDS)
    )
    last_event = session.scalar(select(seconds_since(func.max(StripeEvent.received_at))))
    return Queues(
        events_due=events[0],
        events_oldest=float(events[1]),
        events_parked=events[2],
        receipts_due=receipts[0],
        receipts_oldest=float(receipts[1]),
        receipts_put_off=receipts[2],
        documents_due=documents[0],
        documents_oldest=float(documents[1]),
        documents_put_off=documents[2],
        mails_due=mails[0],
        mails_oldest=float(mails[1]),
        mails_undeliverable=mails[2],
        newsletter_asked=asked[0],
        newsletter_oldest=float(asked[1]),
        workers_alive=workers or 0,
        last_event=None if last_event is None else float(last_event),
    )


def readiness(session: Session) -> list[Check]:
    """Whether this process may be sent donors and webhooks."""
    found = session.scalar(text("SELECT version_num FROM alembic_version"))
    return [
        Check(name="database", is_well=True, finding="answers"),
        Check(
            name="migrations",
            is_well=found == head_revision(),
            finding=f"at {found}, the code wants {head_revision()}",
            remedy="Run `almoner migrate`.",
        ),
        Check(
            name="organisation",
            is_well=session.get(Organisation, 1) is not None,
            finding="the charity's name, funds and terms",
            remedy="Run `almoner organisation load FILE`.",
        ),
    ]


def broker() -> Check:
    """The bell's wire. Its loss is a delay, so it never makes the house unready."""
    answers = broker_answers()
    return Check(
        name="broker",
        is_well=answers,
        finding="answers" if answers else "does not answer",
        remedy="Start the broker of BROKER_URL. Nothing is lost meanwhile; work waits for the timetable.",
    )


def work(session: Session) -> Iterator[Check]:
    """Whether the work is being done."""
    waiting = queues(session)
    yield Check(
        name="workers",
        is_well=waiting.workers_alive > 0,
        finding=f"{waiting.workers_alive} heard from in the last minute",
        remedy="Start `celery -A workers.app worker` and `celery -A workers.app beat`.",
    )
    yield Check(
        name="events",
        is_well=waiting.events_oldest < LATE_SECONDS,
        finding=f"{waiting.events_due} due, the oldest for {waiting.events_oldest:.0f} s",
        remedy="Look at the worker's log; every event is kept and can be replayed.",
    )
    yield Check(
        name="parked events",
        is_well=waiting.events_parked == 0,
        finding=f"{waiting.events_parked} wait for a person",
        remedy="Read the reasons with `almoner events list --parked`, then `almoner events replay ID`.",
    )
    yield Check(
        name="receipts",
        is_well=waiting.receipts_oldest < LATE_SECONDS and waiting.receipts_put_off == 0,
        finding=f"{waiting.receipts_due} due, {waiting.receipts_put_off} could not be issued",
        remedy="`almoner receipts due` shows each with its reason.",
    )
    yield Check(
        name="receipt pages",
        is_well=waiting.documents_oldest < LATE_SECONDS and waiting.documents_put_off == 0,
        finding=f"{waiting.documents_due} to set, {waiting.documents_put_off} could not be set",
        remedy="`almoner receipts due` shows each with its reason.",
    )
    yield Check(
        name="mail",
        is_well=waiting.mails_oldest < LATE_SECONDS and waiting.mails_undeliverable == 0,
        finding=f"{waiting.mails_due} to send, {waiting.mails_undeliverable} undeliverable",
        remedy="Check SMTP_URL; `almoner mail list` has the mails that wait for another address.",
    )
    yield Check(
        name="newsletter",
        is_well=waiting.newsletter_oldest < LATE_SECONDS,
        finding=f"{waiting.newsletter_asked} addresses to be asked",
        remedy="Look at the worker's log. Who typed an address waits for our mail.",
    )


def books(session: Session) -> Iterator[Check]:
    """Whether the book ties."""
    for proof in tie_out(session):
        yield Check(
            name=f"ledger {proof.currency}",
            is_well=proof.is_proven,
            finding=f"stripe_balance {proof.in_the_book}, balance transactions {proof.at_stripe}",
            remedy="These must be equal to the cent; keep the database as it is and find the difference.",
        )
    for row in balances(session):
        if row.account is Account.SUSPENSE_UNCLASSIFIED and row.balance:
            yield Check(
                name=f"suspense {row.balance.currency}",
                is_well=False,
                finding=f"{row.balance} that no rule knows",
                remedy="`almoner ledger suspense`, then `classify`; the month cannot close before.",
            )
    disabled = session.scalars(
        text(
            "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled = 'D' "
            "AND (tgname LIKE '%append_only' OR tgname LIKE '%sealed' "
            "OR tgname LIKE '%only_voided' OR tgname LIKE '%only_undone')"
        )
    ).all()
    yield Check(
        name="append-only guards",
        is_well=not disabled,
        finding=f"disabled: {', '.join(disabled)}" if disabled else "in force",
        remedy="ALTER TABLE … ENABLE TRIGGER …; then ask who switched it off.",
    )


def money_back(session: Session) -> Iterator[Check]:
    """What goes back, or should: each of these waits for a person."""
    for dispute_id, due_by in session.execute(
        select(Dispute.stripe_dispute_id, Dispute.evidence_due_by)
        .where(Dispute.status.in_(_WAITS_FOR_AN_ANSWER), Dispute.evidence_due_by.is_not(None))
        .order_by(Dispute.evidence_due_by)
    ):
        yield Check(
            name="dispute",
            is_well=False,
            finding=f"{dispute_id} must be answered by {due_by:%Y-%m-%d %H:%M} UTC",
            remedy="Answer it in Stripe's dashboard; `almoner disputes list` shows the gift.",
        )
    warnings = session.scalar(
        select(func.count())
        .select_from(FraudWarning)
        .where(FraudWarning.is_actionable, FraudWarning.handled_at.is_(None))
    )
    yield Check(
        name="fraud warnings",
        is_well=not warnings,
        finding=f"{warnings} to look at",
        remedy="`almoner disputes warnings`, then `refund-warned` (cheaper than the dispute) or `dismiss`.",
    )
    status = Refund.status
    requested, refused, stuck = session.execute(
        select(
            func.count().filter(status == RefundStatus.REQUESTED),
            func.count().filter(status == RefundStatus.REFUSED),
            func.count().filter(
                status == RefundStatus.APPROVED,
                seconds_since(func.coalesce(Refund.first_submitted_at, Refund.next_at)) > LATE_SECONDS,
            ),
        ).where(status.in_([RefundStatus.REQUESTED, RefundStatus.REFUSED, RefundStatus.APPROVED]))
    ).one()
    yield Check(
        name="refunds to approve",
        is_well=not requested,
        finding=f"{requested} wait for a second person",
        remedy="`almoner refunds list --status requested`, then `approve` or `decline`.",
    )
    yield Check(
        name="refunds refused",
        is_well=not refused,
        finding=f"{refused} that Stripe would not take",
        remedy="`almoner refunds list --status refused` says why; close each with `almoner refunds decline`.",
    )
    yield Check(
        name="refunds to submit",
        is_well=not stuck,
        finding=f"{stuck} that Stripe has not answered for a while" if stuck else "none waits",
        remedy="Look at the worker's log and at STRIPE_SECRET_KEY; each is asked again by itself.",
    )
    debts = owed.owed(session)
    yield Check(
        name="owed to donors",
        is_well=not debts,
        finding=f"gifts whose refund came back: {len(debts)}",
        remedy="`almoner refunds owed`, then `pay-owed`, or `keep-owed` when the donor lets the gift stand.",
    )


# Inquiries too: unanswered, they become disputes.
_WAITS_FOR_AN_ANSWER = ["needs_response", "warning_needs_response", "appeal_needs_response"]


def stripe_side(stripe: StripeGateway) -> Iterator[Check]:
    """Whether Stripe would deliver to us, in the version whose shapes we read."""
    try:
        account = stripe.account_id()
        endpoints = [
            endpoint
            for endpoint in stripe.webhook_endpoints()
            if str(endpoint["url"]).startswith(settings().public_base_url)
            and str(endpoint["url"]).endswith(PATH)
        ]
    except AlmonerError as trouble:
        yield Check(
            name="stripe",
            is_well=False,
            finding=str(trouble),
            remedy="Check STRIPE_SECRET_KEY and the network.",
        )
        return
    yield Check(
        name="stripe account",
        is_well=settings().stripe_account in {"", account},
        finding=f"the key is of {account}",
        remedy="STRIPE_ACCOUNT names another account than STRIPE_SECRET_KEY belongs to.",
    )
    yield Check(
        name="webhook endpoint",
        is_well=any(endpoint["status"] == "enabled" for endpoint in endpoints),
        finding=f"{len(endpoints)} registered for {settings().public_base_url}{PATH}",
        remedy="Create or enable it in Stripe's dashboard (README, Going live).",
    )
    for endpoint in endpoints:
        sent = set(endpoint["enabled_events"])
        missing = set() if "*" in sent else set(TABLE) - sent
        yield Check(
            name="webhook version",
            is_well=endpoint["api_version"] == API_VERSION and not missing,
            finding=f"{endpoint['api_version']}, {len(missing)} event types missing",
            remedy=f"It must be {API_VERSION} and send what `almoner stripe events` prints.",
        )


@cache
def head_revision() -> str:
    """The newest migration that this code brings along."""
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.set_main_option("path_separator", "os")
    return ScriptDirectory.from_config(config).get_current_head() or ""


def seconds_since(instant: Any) -> Any:
    """Seconds since an instant; SQLAlchemy's own types for the two are wider than helpful."""
    return extract("epoch", func.now() - instant)
