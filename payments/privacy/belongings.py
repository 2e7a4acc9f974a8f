"""Whatever is one donor's, by its ids: found once, under the locks that everybody takes in this order."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from payments.donations.models import Donation
from payments.monthly.models import MonthlyGift
from payments.supporters.donors import Donor


@dataclass(frozen=True, slots=True, kw_only=True)
class Belongings:
    """One donor's rows, by id, and what Stripe calls them."""

    donor: Donor
    records: Sequence[str]
    """The donor's id, and those of records that were merged into it."""
    emails: Sequence[str]
    """Every address that was ever theirs here, in small letters."""
    donations: Sequence[str]
    promises: Sequence[str]
    papers: Sequence[str]
    """Receipts, statements, and whatever else a letter may be about."""
    customers: Sequence[str]
    charges: Sequence[str]
    stripe_ids: Sequence[str]
    """Everything that Stripe may name in an event about this donor."""

    @property
    def asked(self) -> dict[str, Any]:
        """What the statements of `places.py` know."""
        return {
            "donor": self.donor.id,
            "records": list(self.records),
            "emails": list(self.emails),
            "donations": list(self.donations),
            "promises": list(self.promises),
            "papers": list(self.papers),
            "customers": list(self.customers),
            "charges": list(self.charges),
        }


def of(session: Session, donor: Donor) -> Belongings:
    """All of it; gifts and promises are held until the end of the transaction."""
    promises = session.scalars(
        select(MonthlyGift.id)
        .where(MonthlyGift.donor_id == donor.id)
        .order_by(MonthlyGift.id)
        .with_for_update()
    ).all()
    donations = session.scalars(
        select(Donation.id).where(Donation.donor_id == donor.id).order_by(Donation.id).with_for_update()
    ).all()
    records = session.scalars(_RECORDS, {"donor": donor.id}).all()
    asked = {"donor": donor.id, "donations": list(donations), "promises": list(promises)}
    papers = session.scalars(_PAPERS, asked).all()
    stripe_ids = session.scalars(_STRIPE_IDS, asked).all()
    return Belongings(
        donor=donor,
        records=records,
        emails=session.scalars(_EMAILS, {"records": list(records)}).all(),
        donations=donations,
        promises=promises,
        papers=[*donations, *promises, *papers],
        customers=[one for one in stripe_ids if one.startswith("cus_")],
        charges=[one for one in stripe_ids if one.startswith(("ch_", "py_"))],
        stripe_ids=stripe_ids,
    )


_RECORDS = text("select id from donors where :donor in (id, merged_into_id) order by id for update")
_EMAILS = text("""
    select lower(email) from donors where id = any (:records)
    union
    select lower(mistyped_address) from donor_merges
    where gone_id = any (:records) and mistyped_address is not null
    order by 1
""")
_PAPERS = text("""
    select id from receipts where donation_id = any (:donations)
    union all select id from giving_statements where donor_id = :donor
    union all select id from refunds where donation_id = any (:donations)
    union all select id from owed_payments where donation_id = any (:donations)
    union all select id from monthly_changes where monthly_gift_id = any (:promises)
    union all select stripe_invoice_id from monthly_invoices where monthly_gift_id = any (:promises)
    union all select id from gift_aid_declarations where donor_id = :donor
""")
_STRIPE_IDS = text("""
    with mine as (
        select * from donations where id = any (:donations)
    ), charged as (
        select c.* from charges c where c.donation_id = any (:donations)
        union
        select c.* from charges c join mine on mine.stripe_payment_intent_id = c.stripe_payment_intent_id
        union
        select c.* from charges c
        join monthly_invoices i on i.stripe_payment_intent_id = c.stripe_payment_intent_id
        where i.monthly_gift_id = any (:promises)
    )
    select distinct id from (
        select stripe_checkout_session_id from mine
        union all select stripe_payment_intent_id from mine
        union all select stripe_invoice_id from mine
        union all select stripe_charge_id from charged
        union all select stripe_payment_intent_id from charged
        union all select stripe_balance_transaction_id from charged
        union all select stripe_subscription_id from monthly_gifts where id = any (:promises)
        union all select stripe_customer_id from monthly_gifts where id = any (:promises)
        union all select stripe_invoice_id from monthly_invoices where monthly_gift_id = any (:promises)
        union all select stripe_payment_intent_id from monthly_invoices
            where monthly_gift_id = any (:promises)
        union all select stripe_payment_method_id from monthly_new_methods
            where monthly_gift_id = any (:promises)
        union all select stripe_refund_id from refunds where donation_id = any (:donations)
        union all select stripe_dispute_id from disputes where donation_id = any (:donations)
        union all select b.stripe_balance_transaction_id from balance_transactions b
            where b.source_id in (
                select stripe_refund_id from refunds where donation_id = any (:donations)
                union all select stripe_dispute_id from disputes where donation_id = any (:donations)
            )
        union all select stripe_fraud_warning_id from fraud_warnings where donation_id = any (:donations)
    ) named (id)
    where id is not null
    order by id
""")
