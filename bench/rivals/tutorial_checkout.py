"""The usual donate route: a `def` on FastAPI's thread pool that asks Stripe with the SDK and saves one
row. It checks no limits, knows no idempotency key, and a gift whose page was opened but whose commit
failed is lost; that is the tutorial, and it costs less.
"""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated

import stripe
from fastapi import Depends, FastAPI
from pydantic import BaseModel
from sqlalchemy import DateTime, String, create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker

engine = create_engine(
    os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+psycopg://"), pool_size=40, max_overflow=0
)
sessions = sessionmaker(engine, expire_on_commit=False)
client = stripe.StripeClient(
    os.environ["STRIPE_SECRET_KEY"], base_addresses={"api": os.environ["STRIPE_API_BASE"]}
)
app = FastAPI()


class Base(DeclarativeBase):
    """The tutorial's table."""


class Donation(Base):
    """A gift as the tutorial keeps it."""

    __tablename__ = "donations"

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(255))
    amount: Mapped[int]
    currency: Mapped[str] = mapped_column(String(3))
    status: Mapped[str] = mapped_column(String(20), default="pending")
    stripe_session_id: Mapped[str] = mapped_column(String(255), unique=True)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=lambda: datetime.now(UTC))


class Donor(BaseModel):
    """Who gives."""

    name: str
    email: str


class DonationIn(BaseModel):
    """A gift to begin; more fields may come and are ignored."""

    amount: int
    currency: str
    donor: Donor


def session() -> Iterator[Session]:
    """One session a request."""
    with sessions() as db:
        yield db


@app.post("/api/v1/donations", status_code=201)
def create_donation(donation: DonationIn, db: Annotated[Session, Depends(session)]) -> dict[str, object]:
    """Ask Stripe, save, answer."""
    checkout = client.v1.checkout.sessions.create(
        {
            "mode": "payment",
            "submit_type": "donate",
            "customer_email": donation.donor.email,
            "success_url": "http://127.0.0.1:8000/thanks?session_id={CHECKOUT_SESSION_ID}",
            "cancel_url": "http://127.0.0.1:8000/donate",
            "line_items": [
                {
                    "quantity": 1,
                    "price_data": {
                        "currency": donation.currency,
                        "unit_amount": donation.amount,
                        "product_data": {"name": "Donation"},
                    },
                }
            ],
        }
    )
    row = Donation(
        email=donation.donor.email,
        amount=donation.amount,
        currency=donation.currency,
        stripe_session_id=checkout.id,
    )
    db.add(row)
    db.commit()
    return {"id": row.id, "status": row.status, "checkout_url": checkout.url}


if __name__ == "__main__":
    Base.metadata.create_all(engine)
