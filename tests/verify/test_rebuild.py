"""The books made again from the log are the books that stand, and whoever changes one of them is found."""

import hashlib

import pytest
from sqlalchemy import Connection, text

from payments.webhooks.rebuild import rebuild
from tests.money_moves.conftest import Charity, charity  # noqa: F401
from tests.verify.conftest import Seeded


def test_a_book_with_every_kind_of_movement_is_made_again_to_the_row(seeded: Seeded) -> None:
    made = seeded.made
    planted = {f"donations {seeded.book.gifts[status].id}" for status in ("processing", "expired", "failed")}

    # Three gifts were written as they are; no event ever said so.
    assert {f"{each.table} {each.key}" for each in made.differences} == planted
    assert made.events > 500
    assert made.rows["donations"] > 240
    assert all(
        made.rows[table] for table in ("charges", "refunds", "disputes", "payouts", "monthly_invoices")
    )


@pytest.mark.parametrize(
    ("done_behind_our_back", "told"),
    [
        ("update charges set amount = amount + 1", "charges {charge}: amount differ."),
        (
            "update donations set status = 'pending', paid_at = null, gift_date = null",
            "donations {gift}: gift_date, paid_at, status differ.",
        ),
        ("update balance_transactions set type = 'x'", "balance_transactions {txn}: type differ."),
        (
            "update journal_moves set to_account = 'bank' where to_account = 'stripe_balance'",
            "journal {gift}: bank is in the tables and not in the log.",
        ),
        ("delete from journal_moves", "journal {gift}: contributions is in the log and not in the tables."),
        ("delete from charges", "charges {charge}: is in the log and not in the tables."),
        (
            "delete from stripe_events where type = 'balance_transaction'",
            "balance_transactions {txn}: is in the tables and not in the log.",
        ),
    ],
)
def test_what_somebody_changed_behind_our_back_is_named(
    charity: Charity,  # noqa: F811 - the fixture above
    owner: Connection,
    done_behind_our_back: str,
    told: str,
) -> None:
    gift, charge = charity.paid_gift()
    charity.hears()
    assert rebuild().differences == []

    owner.execute(text("set local session_replication_role = replica"))
    assert owner.execute(text(done_behind_our_back)).rowcount
    owner.commit()

    sentences = [difference.sentence for difference in rebuild().differences]
    assert told.format(gift=gift.id, charge=charge["id"], txn=charge["balance_transaction"]) in sentences


def test_looking_changes_nothing_and_waits_for_nobody(charity: Charity, owner: Connection) -> None:  # noqa: F811 - the fixture above
    charity.paid_gift()
    charity.hears()
    before = everything(owner)
    heard: list[tuple[int, int]] = []

    made = rebuild(tell=lambda done, of: heard.append((done, of)))

    assert everything(owner) == before
    assert heard[-1] == (made.events, made.events)


def test_an_event_that_waits_or_is_parked_is_no_part_of_the_log(charity: Charity, owner: Connection) -> None:  # noqa: F811 - the fixture above
    charity.paid_gift()
    charity.hears()
    applied = rebuild().events
    charity.stripe.refund(charity.paid_gift()[1], 500)
    charity.stores(charity.stripe.news())

    assert rebuild().events == applied
    assert rebuild().differences == []


def everything(owner: Connection) -> dict[str, str]:
    """A hash of each table's rows."""
    names = owner.scalars(
        text("select relname from pg_stat_user_tables where schemaname = 'public' order by relname")
    ).all()
    found = {}
    for name in names:
        rows = owner.scalars(text(f"select t::text from public.{name} t order by 1")).all()  # noqa: S608 - names of our own
        found[name] = hashlib.sha256("\n".join(rows).encode()).hexdigest()
    owner.rollback()
    return found
