"""Why a donor cannot be erased just now: something of theirs is under way that needs to know who they are."""

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.clock import now
from payments.errors import AlmonerError
from payments.privacy.belongings import Belongings


class ErasureMustWait(AlmonerError):
    """Something of the donor's must end first; each sentence says what and how."""

    def __init__(self, reasons: Sequence[str]) -> None:
        super().__init__("Not yet. " + " ".join(reasons))


def require_nothing_under_way(session: Session, mine: Belongings) -> None:
    """`ErasureMustWait` with everything that must end first."""
    reasons = session.scalars(_UNDER_WAY, mine.asked | {"now": now()}).all()
    if reasons:
        raise ErasureMustWait(reasons)


_UNDER_WAY = text("""
    select format('Monthly gift %s is %s: end it (`almoner monthly stop`), or give --stop-gifts.', id, status)
    from monthly_gifts
    where id = any (:promises) and status not in ('ended', 'never_started')
    union all
    select case status
        when 'processing' then format('The bank has not answered for gift %s: wait for it.', id)
        else format('The page of gift %s is open until %s: the donor may still pay there.', id,
            to_char(checkout_expires_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI "UTC"')) end
    from donations
    where id = any (:donations)
        and (status = 'processing' or (status = 'pending' and checkout_expires_at > :now))
    union all
    select format('The receipt of gift %s is to be written: `almoner receipts due` says what it waits for.',
        donation_id)
    from due_receipts where donation_id = any (:donations)
    union all
    select format('The page of receipt %s is to be set: `almoner receipts due` says what it waits for.',
        r.number)
    from due_documents w join receipts r on r.id = w.receipt_id where r.donation_id = any (:donations)
    union all
    select format('Annual statement %s is being replaced: wait a minute.', s.number)
    from due_statements w join giving_statements s on s.id = w.statement_id where s.donor_id = :donor
    union all
    select format('The bank''s dispute %s is open: evidence may still need the name.', stripe_dispute_id)
    from disputes
    where donation_id = any (:donations)
        and status not in ('won', 'lost', 'warning_closed', 'prevented')
    union all
    select format('Refund %s is under way: wait until Stripe has done it.', id)
    from refunds
    where donation_id = any (:donations) and status in ('requested', 'approved', 'pending', 'requires_action')
    union all
    select format('A failed refund of gift %s is owed: `almoner refunds owed`.', e.donation_id)
    from journal_entries e join journal_moves m using (reference)
    where e.donation_id = any (:donations) and 'refunds_payable' in (m.from_account, m.to_account)
    group by e.donation_id, m.currency
    having sum(case m.from_account when 'refunds_payable' then m.amount else -m.amount end) > 0
""")
