"""The books again from the log: everything that Stripe told us, applied once more from the beginning, and
held against what stands in the tables row by row.

Nothing of the house is touched. What events change is shadowed by temporary tables of one connection, on
which PostgreSQL then allows no other writing; Stripe is not asked, no bell is rung and no mail leaves. What
people and donors did is taken as the fact it is: gifts as they were begun, promises, refunds that were asked
for, debts that were paid. When the connection is closed, all of it is gone.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection, NullPool, create_engine, text
from sqlalchemy.orm import Session

from payments.database import APP_ROLE, Base, psycopg_url
from payments.settings import settings
from payments.webhooks.events import FETCHED, TABLE
from payments.webhooks.process import apply_due

_OPTIONS = (
    f"-c role={APP_ROLE} -c statement_timeout=0 -c lock_timeout=5000 -c temp_buffers=128MB -c timezone=UTC"
)

_FROM_NOTHING = (
    *("charges", "balance_transactions", "movements_before_books", "payouts", "payout_lines", "disputes"),
    *("fraud_warnings", "cards_on_file", "monthly_invoices", "stripe_event_queue", "due_receipts"),
    *("outgoing_mails", "possible_doubles", "owed_payments", "month_closings"),
)
"""A debt is put back at its moment. A closed month moves the day of what was heard of later; here every entry
counts for its own day."""
_AS_THEY_STAND = (
    *("donors", "monthly_gifts", "monthly_terms", "monthly_allocations", "monthly_changes"),
    *("monthly_refusals", "monthly_new_methods"),
    *("adoptions", "adoption_lists", "adoption_left_overs"),
)
"""Stripe is not the only one who has a say in these."""
_AS_THEY_WERE: dict[str, str] = {
    "donations": """
        where checkout_expires_at is not null or channel not in ('online', 'adopted')
    """,
    "donation_allocations": """
        where donation_id in (select id from pg_temp.donations)
    """,
    "refunds": "where origin <> 'stripe'",
    "journal_entries": "where reference not like 'bt:%' and reference not like 'dispute\\_lost:%'",
    "journal_moves": "where reference not like 'bt:%' and reference not like 'dispute\\_lost:%'",
}
_BEFORE_STRIPE_SPOKE = (
    """
    update pg_temp.donations set status = 'pending', paid_at = null, gift_date = null, decline_code = null,
        stripe_payment_intent_id = null, stripe_invoice_id = null
    where checkout_expires_at is not null
    """,
    "update pg_temp.refunds set is_booked = false",
)
_QUEUE = text("""
    insert into pg_temp.stripe_event_queue (stripe_event_id, next_at)
    select e.stripe_event_id, 'infinity' from stripe_events e
    where e.type = any (:types) and not exists (
        select from public.stripe_event_queue q where q.stripe_event_id = e.stripe_event_id)
    order by e.received_at, e.created_at, e.stripe_event_id
""")

_DEBTS = text("""
    select o.id, coalesce((
        select max(q.place) from pg_temp.stripe_event_queue q join stripe_events e using (stripe_event_id)
        join public.journal_entries before on before.reference = 'bt:' || e.object_id
        where e.type = 'balance_transaction' and before.number < decided.number), 0) as place
    from public.owed_payments o
    join public.journal_entries decided on decided.reference in ('owed_paid:' || o.id, 'gift_kept:' || o.id)
    order by decided.number
""")
"""The debts of failed refunds that a person has settled, and up to which event Stripe had spoken by then:
what a movement about the same gift means hangs on whether it came before or after."""
_RELEASE = text("update pg_temp.stripe_event_queue set next_at = now() where place <= :place")
_SETTLE = text("insert into pg_temp.owed_payments select * from public.owed_payments where id = :debt")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Compared:
    """A table that follows from the log, or as much of it as does."""

    name: str
    key: str
    left_out: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    where: str = ""

    def selected_from(self, schema: str) -> str:
        """What is compared of each row."""
        names = self.only or tuple(column.name for column in Base.metadata.tables[self.name].columns)
        columns = ", ".join(name for name in names if name not in self.left_out)
        return f"select {columns} from {schema}.{self.name} {self.where}"  # noqa: S608 - names of our own


_COMPARED = (
    _Compared(name="charges", key="stripe_charge_id"),
    _Compared(name="balance_transactions", key="stripe_balance_transaction_id"),
    _Compared(name="movements_before_books", key="stripe_balance_transaction_id"),
    _Compared(
        name="donations",
        key="id",
        only=(
            *("id", "entity_id", "frequency", "currency", "amount", "fee_cover_amount", "status", "paid_at"),
            *("gift_date", "decline_code", "channel", "monthly_gift_id", "stripe_payment_intent_id"),
            "stripe_invoice_id",
        ),
    ),
    _Compared(name="donation_allocations", key="concat_ws(' ', donation_id, position)"),
    _Compared(name="monthly_invoices", key="stripe_invoice_id"),
    _Compared(name="cards_on_file", key="stripe_customer_id"),
    _Compared(
        name="refunds",
        key="stripe_refund_id",
        only=(
            *("stripe_refund_id", "donation_id", "stripe_charge_id", "amount", "currency", "status"),
            "is_booked",
        ),
        where="where stripe_refund_id is not null",
    ),
    _Compared(name="disputes", key="stripe_dispute_id"),
    _Compared(name="fraud_warnings", key="stripe_fraud_warning_id", left_out=("handled_at", "handled_by")),
    # When it was asked for its list, and when that came, are times of ours.
    _Compared(name="payouts", key="stripe_payout_id", left_out=("listed_at", "ask_at", "said_at")),
    _Compared(name="payout_lines", key="concat_ws(' ', stripe_payout_id, stripe_balance_transaction_id)"),
)
_BOOK = """
    select coalesce(e.donation_id, e.reference) as about, e.entity_id, a.account, m.fund_id, m.currency,
        sum(a.amount)::bigint as amount
    from {schema}.journal_entries e
    join {schema}.journal_moves m using (reference)
    cross join lateral (values (m.to_account, m.amount), (m.from_account, -m.amount)) a (account, amount)
    group by 1, 2, 3, 4, 5 having sum(a.amount) <> 0
"""
"""What each gift, and each movement that is about none, comes to in each account: two entries about one gift
may have shared it between them in another order."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A row that stands in the tables otherwise than the log makes it."""

    table: str
    key: str
    what: str
    """The columns that differ; or that it is not in the log, or not in the tables."""

    @property
    def sentence(self) -> str:
        """For a person. Values are not told: they may be somebody's."""
        return f"{self.table} {self.key}: {self.what}."


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuilt:
    """What the log came to."""

    events: int
    rows: dict[str, int]
    """How many rows of each table were made anew and compared."""
    differences: Sequence[Difference]


def rebuild(*, tell: Callable[[int, int], None] = lambda _done, _of: None) -> Rebuilt:
    """Apply the whole log once more beside the house, and compare. `tell` hears how many events of how many
    are done. It takes one or two milliseconds an event and may run beside the traffic."""
    with _connection() as connection:
        with connection.begin():
            events = _stage(connection)
            debts = [(str(debt), int(place)) for debt, place in connection.execute(_DEBTS)]
        # From here on nothing can be written but what lies on this stage.
        with connection.begin():
            connection.execute(text("set session characteristics as transaction read only"))
        unapplied = _apply(connection, debts, lambda done: tell(min(done, events), events))
        with connection.begin():
            differences = [*unapplied, *_differences(connection)]
            rows = {
                each.name: int(connection.scalar(text(f"select count(*) from pg_temp.{each.name}")) or 0)  # noqa: S608 - names of our own
                for each in _COMPARED
            }
    return Rebuilt(events=events, rows=rows, differences=differences)


@contextmanager
def _connection() -> Iterator[Connection]:
    """One of its own, and never lent to anybody after: its tables hide the house's."""
    engine = create_engine(
        psycopg_url(settings().database_url),
        poolclass=NullPool,
        hide_parameters=True,
        connect_args={"connect_timeout": 5, "options": _OPTIONS},
    )
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def _stage(connection: Connection) -> int:
    """Shadow what events change, keep what stands now for the comparison, and queue the log; all of it as it
    was at one moment."""
    connection.execute(text("set transaction isolation level repeatable read"))
    for name in (*_FROM_NOTHING, *_AS_THEY_STAND, *_AS_THEY_WERE):
        connection.execute(text(f"create temp table {name} (like public.{name} including all)"))
    for name in _AS_THEY_STAND:
        connection.execute(text(_copied(name, "")))
    for name, which in _AS_THEY_WERE.items():
        connection.execute(text(_copied(name, which)))
    for statement in _BEFORE_STRIPE_SPOKE:
        connection.execute(text(statement))
    for each in _COMPARED:
        kept = each.selected_from("public")
        connection.execute(text(f"create temp table kept_{each.name} as {kept}"))
    connection.execute(text(f"create temp table kept_book as {_BOOK.format(schema='public')}"))
    queued = connection.execute(_QUEUE, {"types": [*TABLE, *FETCHED]}).rowcount
    for name in (*_FROM_NOTHING, *_AS_THEY_STAND, *_AS_THEY_WERE):
        connection.execute(text(f"analyze pg_temp.{name}"))
    return int(queued)


def _copied(name: str, which: str) -> str:
    return f"insert into pg_temp.{name} overriding system value select * from public.{name} {which}"  # noqa: S608 - names of our own


def _apply(
    connection: Connection, debts: Sequence[tuple[str, int]], tell: Callable[[int], None]
) -> list[Difference]:
    """All of it, in the order in which it came. What had to wait for something is tried again as long as that
    helps; what is left in the end is told."""
    done = 0
    for debt, place in (*debts, ("", _LAST)):
        with connection.begin():
            connection.execute(_RELEASE, {"place": place})
        done = _apply_what_is_due(connection, done, tell)
        with connection.begin():
            connection.execute(_SETTLE, {"debt": debt})
    left = _left(connection)
    while left:
        with connection.begin():
            connection.execute(_RELEASE, {"place": _LAST})
        _apply_what_is_due(connection, done - len(left), tell)
        still = _left(connection)
        if len(still) == len(left):
            break
        left = still
    return [Difference("stripe_events", key, f"could not be applied ({why})") for key, why in left]


def _apply_what_is_due(connection: Connection, done: int, tell: Callable[[int], None]) -> int:
    while claimed := _apply_batch(connection):
        done += claimed
        tell(done)
    return done


def _left(connection: Connection) -> Sequence[tuple[str, str]]:
    with connection.begin():
        return [(str(key), str(why)) for key, why in connection.execute(_LEFT)]


def _apply_batch(connection: Connection) -> int:
    with connection.begin(), Session(connection, join_transaction_mode="rollback_only") as session:
        applied = apply_due(session)
        session.flush()
    return applied.claimed


_LAST = 2**62
_LEFT = text("""
    select stripe_event_id, coalesce(parked_reason, last_error, 'put off') from pg_temp.stripe_event_queue
    order by place
""")


def _differences(connection: Connection) -> Iterator[Difference]:
    for each in _COMPARED:
        yield from _rows_that_differ(connection, each)
    sums = text(f"""
        select coalesce(k.about, m.about), coalesce(k.account, m.account), k.amount is null, m.amount is null
        from pg_temp.kept_book k full join ({_BOOK.format(schema="pg_temp")}) m
            on (k.about, k.entity_id, k.account, k.currency) = (m.about, m.entity_id, m.account, m.currency)
            and k.fund_id is not distinct from m.fund_id
        where k.amount is distinct from m.amount order by 1, 2
    """)  # noqa: S608 - names of our own
    for about, account, is_not_kept, is_not_made in connection.execute(sums):
        yield Difference("journal", about, f"{account} {_standing(is_not_kept, is_not_made) or 'differs'}")


def _rows_that_differ(connection: Connection, table: _Compared) -> Iterator[Difference]:
    made = table.selected_from("pg_temp")
    compared = text(f"""
        select coalesce(k.key, m.key), k.key is null, m.key is null, (
            select string_agg(name, ', ' order by name)
            from jsonb_each(to_jsonb(k.kept)) as was (name, value)
            join jsonb_each(to_jsonb(m.kept)) as is_made (name, value) using (name)
            where was.value is distinct from is_made.value)
        from (select {table.key} as key, kept from pg_temp.kept_{table.name} as kept) k
        full join (
            select {table.key} as key, kept from ({made}) as kept
        ) m on k.key = m.key
        where k.kept::text is distinct from m.kept::text
        order by 1
    """)  # noqa: S608 - names of our own
    for key, is_not_kept, is_not_made, names in connection.execute(compared):
        yield Difference(table.name, key, _standing(is_not_kept, is_not_made) or f"{names} differ")


def _standing(is_not_kept: bool, is_not_made: bool) -> str | None:
    if is_not_kept:
        return "is in the log and not in the tables"
    if is_not_made:
        return "is in the tables and not in the log"
    return None
