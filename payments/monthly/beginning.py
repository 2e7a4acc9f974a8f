"""From a wish to a promise: what is written before the donor of a monthly gift is sent to Stripe.

The promise, its first terms and its first instalment are one statement with the donor and the
idempotency key, so each of Stripe's events finds its parent, and a second click finds all of it.
"""

from sqlalchemy import Connection
from sqlalchemy.orm import Session

from payments.database import new_id
from payments.donations import checkout
from payments.donations.checkout import Begun
from payments.donations.wishes import Agreed, Wish

_BEGIN = checkout.beginning("""
    , promised as (
        insert into monthly_gifts (
            id, created_at, entity_id, donor_id, donor_name, locale, currency, dedication_kind,
            dedication_name, source
        )
        select
            :monthly_gift_id, :created_at, :entity_id, donor.id, :donor_name, :locale, :currency,
            :dedication_kind, :dedication_name, cast(:source as jsonb)
        from claimed, donor
    ), on_terms as (
        insert into monthly_terms (monthly_gift_id, number, valid_from, amount, fee_cover_amount)
        select :monthly_gift_id, 1, :created_at, :amount, :fee_cover_amount from claimed
    ), shared_monthly as (
        insert into monthly_allocations (monthly_gift_id, terms_number, position, fund_id, amount)
        select :monthly_gift_id, 1, part.number - 1, part.fund_id, part.amount
        from claimed,
            unnest(cast(:fund_ids as text[]), cast(:fund_amounts as bigint[]))
                with ordinality as part (fund_id, amount, number)
    )
""")


def begin(
    connection: Connection | Session,
    wish: Wish,
    agreed: Agreed,
    *,
    key: str,
    wish_sha256: str,
    entity_id: str,
) -> Begun | None:
    """Write the promise and the first of its gifts, unless this key has made a gift before: None then."""
    return checkout.begin(
        connection,
        wish,
        agreed,
        key=key,
        wish_sha256=wish_sha256,
        entity_id=entity_id,
        monthly_gift_id=new_id("mon"),
        statement=_BEGIN,
    )
