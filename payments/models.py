"""Every table of the house, imported once: what Alembic compares the migrations with."""

from payments import jobs
from payments.database import Base
from payments.donations import models as donations
from payments.donations import offline, reversals
from payments.giftaid import models as giftaid
from payments.giving import models as giving
from payments.korea import models as korea
from payments.ledger import models as ledger
from payments.ledger import sums
from payments.mail import models as mail
from payments.monthly import doubles, tries
from payments.monthly import models as monthly
from payments.privacy import models as privacy
from payments.receipts import models as receipts
from payments.reconciliation import closings, stripe_balance
from payments.reconciliation import models as reconciliation
from payments.reconciliation.exports import models as exports
from payments.reconciliation.stripe_reports import models as stripe_reports
from payments.staff import models as staff
from payments.supporters import addresses, donors, merges
from payments.supporters.newsletter import models as newsletter
from payments.webhooks import models as webhooks
from payments.webhooks.adopting import models as adopting

__all__ = [
    "Base",
    "addresses",
    "adopting",
    "closings",
    "donations",
    "donors",
    "doubles",
    "exports",
    "giftaid",
    "giving",
    "jobs",
    "korea",
    "ledger",
    "mail",
    "merges",
    "monthly",
    "newsletter",
    "offline",
    "privacy",
    "receipts",
    "reconciliation",
    "reversals",
    "staff",
    "stripe_balance",
    "stripe_reports",
    "sums",
    "tries",
    "webhooks",
]
