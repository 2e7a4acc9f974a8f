"""`python -m bench.measuring.yearend DONORS`: a year of gifts with their receipts, then every statement.

Writes a charity and a year of receipts as the worker leaves them: of ten donors five gave once, three three
times and two each month, so a statement lists 3.8 gifts on average and twelve at most. Then it runs the very
functions of `almoner receipts annual`, batch by batch, each in its own transaction. What each step took, and
the most memory this process ever had, are printed as JSON.
"""

import json
import resource
import sys
import time
import tomllib
from collections.abc import Callable

import psycopg
from sqlalchemy.orm import Session

import payments.models  # noqa: F401 - every table, so that foreign keys find theirs
from bench.measuring.ground import ROOT
from payments.database import libpq_url, transaction
from payments.donations import organisation
from payments.donations.models import IssuingEntity
from payments.receipts import annual, issue
from payments.settings import settings

YEAR = 2026

_DONORS = """
    insert into donors (id, email, name, locale)
    select 'dnr_' || n, 'd' || n || '@example.com', 'Margaret O’Sullivan ' || n,
        case when n % 2 = 0 then 'en' else 'ko' end
    from generate_series(1, {donors}) n
"""
_GIFTS = """
    insert into donations (id, entity_id, donor_id, donor_name, locale, frequency, currency, amount,
        fee_cover_amount, source, status, paid_at, gift_date, checkout_expires_at)
    select 'don_' || md5(n || ' ' || month), 'us', 'dnr_' || n, 'Margaret O’Sullivan ' || n,
        case when n % 2 = 0 then 'en' else 'ko' end, 'once', 'usd', 25750, 750, '{{"page": "give"}}',
        'paid', day, day, day
    from generate_series(1, {donors}) n
    cross join lateral (select case when n % 10 < 5 then 1 when n % 10 < 8 then 3 else 12 end as gifts) kinds
    cross join lateral generate_series(1, gifts) month
    cross join lateral (select make_date(2026, month, 1 + n % 28) as day) days
"""
_ALLOCATIONS = """
    insert into donation_allocations
    select id, 0, 'general', 5000 from donations union all select id, 1, 'rescue', 20000 from donations
"""
_CHARGES = """
    insert into charges (stripe_charge_id, donation_id, amount, currency, status, charged_at, method,
        card_brand, last4)
    select 'ch_' || id, id, amount, currency, 'succeeded', paid_at, 'card', 'visa', '4242' from donations
"""
_DUE = "insert into due_receipts (donation_id) select id from donations"


def main(donors: int) -> None:
    """Write, then a step at each line of standard input, and say how long it took."""
    with transaction() as session:
        organisation.load(session, tomllib.loads((ROOT / "payments/local/organisation.toml").read_text()))
    with psycopg.connect(libpq_url(settings().database_url)) as owner:
        for statement in (_DONORS, _GIFTS, _ALLOCATIONS, _CHARGES, _DUE):
            owner.execute(statement.format(donors=donors).encode())
    with transaction() as session:
        body = session.get_one(IssuingEntity, "us")
        session.expunge(body)
    _step(issue.issue_due)
    _step(annual.numbering(body, YEAR))
    _step(lambda session: annual.draw_next(session, body, YEAR))


def _step(take: Callable[[Session], int]) -> None:
    with psycopg.connect(libpq_url(settings().database_url), autocommit=True) as owner:
        owner.execute("vacuum analyze")
        owner.execute("checkpoint")
    print("ready", flush=True)
    sys.stdin.readline()
    print(json.dumps(_timed(take)), flush=True)


def _timed(take: Callable[[Session], int]) -> dict[str, float]:
    """Batch after batch until nothing is left."""
    cpu, wall, done = time.process_time(), time.perf_counter(), 0
    while True:
        with transaction() as session:
            taken = take(session)
        if not taken:
            break
        done += taken
    return {
        "done": done,
        "seconds": time.perf_counter() - wall,
        "cpu": time.process_time() - cpu,
        "peak_kib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
    }


if __name__ == "__main__":
    main(int(sys.argv[1]))
