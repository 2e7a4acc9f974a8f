"""The usual tutorial: FastAPI, a SQLAlchemy session per request, `construct_event`, an ORM insert and
`task.delay`. A repeated event is answered from its primary key. The route is a plain `def` on
FastAPI's thread pool with the body read by an async dependency: measured faster here than the same
lines in an `async def`, where every commit stops the whole server.
"""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any

import stripe
from celery import Celery
from fastapi import Depends, FastAPI, Header, HTTPException, Request
from sqlalchemy import JSON, DateTime, String, create_engine
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker

engine = create_engine(
    os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+psycopg://"), pool_size=40, max_overflow=0
)
sessions = sessionmaker(engine, expire_on_commit=False)
celery = Celery("tutorial", broker=os.environ["BROKER_URL"])
celery.conf.task_ignore_result = True
app = FastAPI()


class Base(DeclarativeBase):
    """The tutorial's tables."""


class WebhookEvent(Base):
    """One event, whole."""

    __tablename__ = "webhook_events"

    id: Mapped[str] = mapped_column(String(255), primary_key=True)
    type: Mapped[str] = mapped_column(String(255), index=True)
    payload: Mapped[dict[str, Any]] = mapped_column(JSON)
    processed: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=lambda: datetime.now(UTC))


@celery.task
def process_event(event_id: str) -> None:
    """What would fulfil the order; the intake benchmark only measures the handing over."""


def session() -> Iterator[Session]:
    """One session a request."""
    with sessions() as db:
        yield db


async def raw_body(request: Request) -> bytes:
    """The bytes the signature is over."""
    return await request.body()


@app.post("/webhooks/stripe")
def stripe_webhook(
    payload: Annotated[bytes, Depends(raw_body)],
    db: Annotated[Session, Depends(session)],
    stripe_signature: Annotated[str, Header()],
) -> dict[str, str]:
    """Verify, store, hand over."""
    try:
        event = stripe.Webhook.construct_event(payload, stripe_signature, os.environ["STRIPE_WEBHOOK_SECRET"])
    except (ValueError, stripe.SignatureVerificationError) as wrong:
        raise HTTPException(400, "Invalid webhook") from wrong
    db.add(WebhookEvent(id=event.id, type=event.type, payload=event.to_dict()))
    try:
        db.commit()
    except IntegrityError:
        db.rollback()
        return {"status": "duplicate"}
    process_event.delay(event.id)
    return {"status": "ok"}


if __name__ == "__main__":
    Base.metadata.create_all(engine)
