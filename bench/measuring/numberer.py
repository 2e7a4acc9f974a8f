"""`python -m bench.measuring.numberer COUNT`: so many due gifts, then every number they are owed.

Writes a charity and paid gifts as the webhooks leave them, numbers a first few so that statements are
compiled and connections open, then runs the very function of the worker until nothing is due. The seconds,
the CPU of this process and its peak memory are printed as JSON.
"""

import json
import resource
import sys
import time
import tomllib

import psycopg

import payments.models  # noqa: F401 - every table, so that foreign keys find theirs
from bench.measuring.ground import ROOT
from payments.database import libpq_url, transaction
from payments.donations import organisation
from payments.receipts import issue
from payments.settings import settings
from workers.receipts import issue_receipts

WARMING_UP = 500

_GIFTS = (
    """insert into donors (id, email, name, locale)
        select 'dnr_' || n, 'd' || n || '@example.com', 'Ada Park', 'en'
        from generate_series(1, {gifts}) n""",
    """insert into donations (id, entity_id, donor_id, donor_name, locale, frequency, currency, amount,
            fee_cover_amount, source, status, paid_at, gift_date, checkout_expires_at)
        select 'don_' || md5(n::text), 'us', 'dnr_' || n, 'Margaret O’Sullivan ' || n,
            case when n % 2 = 0 then 'en' else 'ko' end, 'once', 'usd', 25750, 750, '{{"page": "give"}}',
            'paid', now(), current_date, now() from generate_series(1, {gifts}) n""",
    """insert into donation_allocations
        select 'don_' || md5(n::text), 0, 'general', 5000 from generate_series(1, {gifts}) n
        union all select 'don_' || md5(n::text), 1, 'rescue', 20000 from generate_series(1, {gifts}) n""",
    """insert into charges (stripe_charge_id, donation_id, amount, currency, status, charged_at, method,
            card_brand, last4)
        select 'ch_' || n, 'don_' || md5(n::text), 25750, 'usd', 'succeeded', now(), 'card', 'visa', '4242'
        from generate_series(1, {gifts}) n""",
    "insert into due_receipts (donation_id) select 'don_' || md5(n::text) from generate_series(1, {gifts}) n",
)


def main(count: int) -> None:
    """Write, warm up, number, say how long it took."""
    with transaction() as session:
        organisation.load(session, tomllib.loads((ROOT / "payments/local/organisation.toml").read_text()))
    with psycopg.connect(libpq_url(settings().database_url)) as owner:
        for statement in _GIFTS:
            owner.execute(statement.format(gifts=count + WARMING_UP).encode())
    with psycopg.connect(libpq_url(settings().database_url), autocommit=True) as owner:
        owner.execute("vacuum analyze")
    with transaction() as session:
        issue.issue_due(session, limit=WARMING_UP)
    cpu, wall = time.process_time(), time.perf_counter()
    issue_receipts()
    answer = {
        "seconds": time.perf_counter() - wall,
        "cpu": time.process_time() - cpu,
        "peak_kib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
    }
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]))
