"""The one world a sandbox process keeps: its options, its memory, its clock, and who is asking right now."""

from __future__ import annotations

import hashlib
import heapq
import hmac
import secrets
import string
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from payments.sandbox.errors import no_such
from payments.sandbox.store import Store, Thing

# Random bytes become letters and digits by one table, and many are drawn at once: a session costs a hundred
# of them, and asking the kernel is what takes the time.
_LETTERS_AT_ONCE = 1_024
_ALPHABET = (string.ascii_letters + string.digits).encode()
_LETTERS = bytes(_ALPHABET[byte % len(_ALPHABET)] for byte in range(256))


@dataclass(frozen=True)
class Endpoint:
    """An address that events are sent to, and what they are signed with."""

    url: str
    secret: str


@dataclass
class Options:
    base_url: str
    api_key: str
    endpoints: list[Endpoint] = field(default_factory=list)
    merchant: str = "Sandbox Charity"
    settlement_currencies: tuple[str, ...] = ("usd",)
    """The first is where other currencies are converted to."""
    settle_after: float = 2.0
    """Seconds until a charge gets its balance transaction; 0 leaves it to the control endpoint."""
    book_after: float = 0
    """Seconds until a refund or dispute gets its balance transaction; 0 makes both at once."""
    clock_file: str | None = None
    """Where to write how many seconds the clock is ahead."""
    latency_ms: int = 0
    retry_base: float = 1.0
    """Seconds before the first retry of a webhook; doubled at each further one."""
    retry_longest: float = 3600.0
    """No pause between two tries is longer."""
    retry_limit: int = 12
    in_flight: int = 8


@dataclass
class Money:
    """How money behaves once a gift is paid; set by control and kept across restarts."""

    book_after: float | None = 0
    """Seconds until a refund or dispute has its balance transaction; None leaves it to the control door."""
    refunds: str = "always"
    """`need_balance` lets a refund wait while the available balance is too small for it."""
    settlement_currencies: list[str] = field(default_factory=list)
    """Instead of those the process was started with."""
    dollars: dict[str, str] = field(default_factory=dict)
    percent_a_day: dict[str, str] = field(default_factory=dict)
    rates_set_at: int = 0


@dataclass
class Billing:
    """How the account bills its subscriptions, as its owner sets it in Stripe's dashboard."""

    retry_days: list[int] = field(default_factory=lambda: [3, 5, 7])
    """Days from each failed attempt to the next; one try more than it has entries."""
    bank_retry_days: list[int] = field(default_factory=lambda: [5])
    """The same for bank debits, which schemes let nobody repeat often."""
    then: str = "leave_past_due"
    """When every try failed: `leave_past_due`, `mark_uncollectible` or `cancel`."""
    finalize_after: int = 3600
    """Seconds that a renewal's invoice stays a draft."""
    debit_days: int = 4
    """Days until a bank answers a debit."""
    portal_cancels: str = "at_period_end"
    """What the portal's cancel button does: `at_period_end` or `immediately`."""
    payout_days: int | None = None
    """Days between automatic payouts; None leaves them to the control door."""


@dataclass
class Asking:
    """The API request being served, for the `request` of the events it causes."""

    request_id: str | None = None
    idempotency_key: str | None = None


class World:
    def __init__(self, options: Options, store: Store) -> None:
        self.options = options
        self.store = store
        self.asking = Asking()
        self.events_made = 0
        self._letters = b""
        self.asked: dict[str, int] = {}
        """How often the API was asked, by method; only the control door tells."""
        self.on_commit: list[Callable[[], None]] = []
        self._offset = float(store.fact("clock_offset") or 0)
        self._pepper = store.fact("fingerprint_key") or secrets.token_hex(32)
        store.set_fact("fingerprint_key", self._pepper)
        self.account_id: str = store.fact("account_id") or self.new_id("acct")
        store.set_fact("account_id", self.account_id)
        self.money = Money(**(store.fact("money") or asdict(self.fresh_money())))
        self.billing = Billing(**(store.fact("billing") or {}))
        self._still_at: float | None = None
        self._said_to_be_ahead: int | None = None
        self.tell_the_time()
        self._due: list[tuple[float, str]] = [(float(due["at"]), str(due["id"])) for due in store.all("due")]
        heapq.heapify(self._due)

    def now(self) -> int:
        """The sandbox's own clock, in whole seconds."""
        return int(self.moment())

    def moment(self) -> float:
        return time.time() + self._offset if self._still_at is None else self._still_at

    @property
    def is_walked(self) -> bool:
        return self._still_at is not None

    def stand_still_at(self, moment: float) -> None:
        """While the clock is walked forward it shows the time of what is being done."""
        self._still_at = moment

    def run_on(self, *, later: float) -> None:
        """The clock runs again, by so much later than it would have been."""
        self._still_at = None
        self.advance(later)

    def date(self) -> datetime:
        return datetime.fromtimestamp(self.moment(), UTC)

    def fresh_money(self) -> Money:
        """How money behaves before anybody has said otherwise."""
        return Money(book_after=self.options.book_after)

    def set_money(self, money: Money) -> None:
        self.money = money
        self.store.set_fact("money", asdict(money))

    def set_billing(self, billing: Billing) -> None:
        self.billing = billing
        self.store.set_fact("billing", asdict(billing))

    @property
    def settlement_currencies(self) -> tuple[str, ...]:
        """The currencies that have a balance of their own; the first takes the rest."""
        return tuple(self.money.settlement_currencies) or self.options.settlement_currencies

    def advance(self, seconds: float) -> None:
        self._offset += seconds
        self.store.set_fact("clock_offset", self._offset)
        self.tell_the_time()

    def tell_the_time(self) -> None:
        """Leave word of how far the clock is ahead, whole at every moment."""
        ahead = int(self.moment() - time.time())
        if self.options.clock_file is not None and ahead != self._said_to_be_ahead:
            draft = Path(self.options.clock_file).with_suffix(".draft")
            draft.write_text(str(ahead))
            draft.replace(self.options.clock_file)
            self._said_to_be_ahead = ahead

    @property
    def offset(self) -> float:
        return self._offset

    def new_id(self, prefix: str, *, length: int = 24) -> str:
        if len(self._letters) < length:
            self._letters = secrets.token_bytes(_LETTERS_AT_ONCE).translate(_LETTERS)
        letters, self._letters = self._letters[:length], self._letters[length:]
        return f"{prefix}_{letters.decode()}"

    def fingerprint(self, number: str) -> str:
        """The same card gives the same fingerprint here; the number cannot be had back without the key."""
        return hmac.new(self._pepper.encode(), number.encode(), hashlib.sha256).hexdigest()[:16]

    def find(self, kind: str, thing_id: str, *, param: str = "id") -> Thing:
        thing = self.store.get(kind, thing_id)
        if thing is None:
            raise no_such(kind, thing_id, param=param)
        return thing

    def due(self, deed: str, subject: str, at: float) -> None:
        """Leave word that something happens by itself later, by the sandbox's clock."""
        due = {"id": f"{deed}:{subject}", "deed": deed, "subject": subject, "at": at}
        self.store.save("due", due)
        heapq.heappush(self._due, (at, str(due["id"])))

    def next_due(self) -> Thing | None:
        """The earliest thing still to happen; records that were forgotten meanwhile are passed over."""
        while self._due:
            at, due_id = self._due[0]
            due = self.store.get("due", due_id)
            if due is not None and due["at"] == at:
                return due
            heapq.heappop(self._due)
        return None

    def commit(self) -> None:
        self.store.commit()
        for bell in self.on_commit:
            bell()

    def state(self) -> dict[str, Any]:
        kinds = (
            "checkout.session",
            "payment_intent",
            "charge",
            "balance_transaction",
            "refund",
            "dispute",
            "payout",
            "customer",
            "subscription",
            "invoice",
            "event",
            "delivery",
        )
        return {kind: self.store.count(kind) for kind in kinds}
