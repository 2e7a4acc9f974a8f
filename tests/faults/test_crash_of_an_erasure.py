"""The deletion of an erased donor's customer, killed at every point: deleted once, and noted."""

from itertools import count

import pytest
from sqlalchemy import text

from payments.database import transaction
from payments.stripe_gateway.client import gateway
from tests.faults.stage import Deadly, Stage, told
from tests.faults.test_crash_of_an_end import a_running_gift
from workers.privacy import delete_customers

pytestmark = pytest.mark.slow

_TO_BE_DELETED = text("""
    with staff as (
        insert into staff_members (id, email, name, roles)
        values ('stf_1', 'finn@lp.example', 'Finn', '{finance}') returning id
    ), erased as (
        insert into erasures (id, donor_id, erased_by, reason, proof)
        select 'ers_1', donors.id, staff.id, 'asked', '{}' from donors, staff returning id
    )
    insert into customer_deletions (stripe_customer_id, erasure_id)
    select stripe_customer_id, erased.id from monthly_gifts, erased returning stripe_customer_id
""")


def test_a_worker_killed_at_any_point_of_a_deletion_deletes_once(stage: Stage, mortal: Deadly):
    stage.keep()

    for crash_at in count(1):
        stage.put_back()
        running = a_running_gift(stage)
        with transaction() as session:
            session.execute(_TO_BE_DELETED)
        death = mortal.run(deed="delete_customers", crash_at=crash_at)
        stage.bury()
        with transaction() as session:
            session.execute(text("update customer_deletions set next_at = now()"))
        delete_customers()

        news = [e["type"] for e in stage.stripe.listed("events")]
        assert news.count("customer.deleted") == news.count("customer.subscription.deleted") == 1, told(
            death, []
        )
        assert gateway().billing.subscription(running.subscription_id).is_over
        assert stage.count("select count(*) from customer_deletions where done_at is null") == 0
        if not death.was_killed:
            assert death.exit == 0
            break
    assert crash_at > 6, "hardly any point was found"
