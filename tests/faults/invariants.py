"""What must be true of the books whatever was killed, lost, doubled or reordered.

Each law is one query that returns its own violations, so a check answers with findings and never
merely with "false". `of_the_books` needs only the database and holds at every moment; with
`at_rest=True` it also asks that nothing is left to do. `against_stripe` and `of_the_mailbox` compare
with what Stripe and the mail server hold.
"""

import email
import email.policy
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, text

from payments.webhooks.events import FETCHED, TABLE


@dataclass(frozen=True, slots=True)
class Finding:
    """One broken law: which, about what, and what was seen."""

    law: str
    subject: str
    seen: str

    def __str__(self) -> str:
        return f"{self.law} · {self.subject}: {self.seen}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AtStripe:
    """What Stripe holds, as plain lists of its objects."""

    charges: Collection[Mapping[str, Any]] = field(default=())
    balance_transactions: Collection[Mapping[str, Any]] = field(default=())
    sessions: Collection[Mapping[str, Any]] = field(default=())


ALWAYS: dict[str, str] = {
    "every entry has a move": """
        SELECT reference, 'no moves' FROM journal_entries
        WHERE reference NOT IN (SELECT reference FROM journal_moves)
    """,
    "every balance transaction is booked once": """
        SELECT coalesce(stripe_balance_transaction_id, reference),
               CASE WHEN reference IS NULL THEN 'not booked' ELSE 'booked without its fact' END
        FROM balance_transactions
        FULL JOIN journal_entries ON reference = 'bt:' || stripe_balance_transaction_id
        WHERE (reference IS NULL AND (amount, fee) <> (0, 0)) OR stripe_balance_transaction_id IS NULL
    """,
    "an entry moves the net of its balance transaction": """
        SELECT stripe_balance_transaction_id, format('moves %s, net is %s', moved, net)
        FROM balance_transactions
        JOIN (
            SELECT reference, sum(
                CASE 'stripe_balance' WHEN to_account THEN amount WHEN from_account THEN -amount ELSE 0 END
            ) AS moved
            FROM journal_moves GROUP BY reference
        ) AS entry ON entry.reference = 'bt:' || stripe_balance_transaction_id
        WHERE moved <> net
    """,
    "the Stripe account in the book is the sum of all nets": """
        SELECT currency, format('book %s, Stripe %s', book, stripe) FROM (
            SELECT currency, sum(change) AS book FROM (
                SELECT currency, amount AS change FROM journal_moves WHERE to_account = 'stripe_balance'
                UNION ALL
                SELECT currency, -amount FROM journal_moves WHERE from_account = 'stripe_balance'
            ) AS sides GROUP BY currency
        ) AS book FULL JOIN (
            SELECT currency, sum(net) AS stripe FROM balance_transactions GROUP BY currency
        ) AS stripe USING (currency)
        WHERE book IS DISTINCT FROM stripe
    """,
    "a gift is booked once, to its funds": """
        SELECT donations.id, format('%s times, %s of %s', entries, booked, donations.amount) FROM donations
        JOIN (
            SELECT donation_id, count(DISTINCT reference) AS entries, sum(journal_moves.amount) AS booked
            FROM journal_entries JOIN journal_moves USING (reference)
            WHERE from_account IN ('contributions', 'contributions_fee_cover')
              AND journal_moves.currency = (SELECT currency FROM donations WHERE id = donation_id)
            GROUP BY donation_id
        ) AS book ON book.donation_id = donations.id
        WHERE entries <> 1 OR booked <> donations.amount
    """,
    "a gift divides without a rest": """
        SELECT id, format('%s of %s', parts, amount - fee_cover_amount) FROM donations
        LEFT JOIN (
            SELECT donation_id, sum(amount) AS parts FROM donation_allocations GROUP BY donation_id
        ) AS shares ON shares.donation_id = donations.id
        WHERE parts IS DISTINCT FROM amount - fee_cover_amount
    """,
    "a settled gift has one succeeded charge of its amount": """
        SELECT donations.id, format('%s charges of %s', count(charges), array_agg(charges.amount))
        FROM donations
        LEFT JOIN charges ON charges.donation_id = donations.id AND charges.status = 'succeeded'
        WHERE donations.paid_at IS NOT NULL
        GROUP BY donations.id
        HAVING count(charges) <> 1 OR min(charges.amount) <> donations.amount
            OR min(charges.currency) <> donations.currency OR min(charges.charged_at) <> donations.paid_at
    """,
    "a succeeded charge means a paid gift": """
        SELECT stripe_charge_id, donations.status FROM charges JOIN donations ON donations.id = donation_id
        WHERE charges.status = 'succeeded' AND donations.status <> 'paid'
    """,
    "a settled gift has one receipt, or it is due": """
        SELECT donations.id, format(
                   '%s receipts, %s due', count(DISTINCT receipts.id), count(due.donation_id))
        FROM donations
        LEFT JOIN receipts ON receipts.donation_id = donations.id AND receipts.status = 'issued'
        LEFT JOIN due_receipts AS due ON due.donation_id = donations.id
        WHERE donations.paid_at IS NOT NULL
        GROUP BY donations.id
        HAVING count(DISTINCT receipts.id) > 1
            OR count(DISTINCT receipts.id) + count(DISTINCT due.donation_id) = 0
    """,
    "nothing unpaid has a receipt": """
        SELECT donation_id, format('receipt %s of a %s gift', number, donations.status)
        FROM receipts JOIN donations ON donations.id = donation_id
        WHERE donations.paid_at IS NULL
        UNION ALL
        SELECT donation_id, 'a receipt is due' FROM due_receipts JOIN donations ON donations.id = donation_id
        WHERE donations.paid_at IS NULL
    """,
    "numbers run from 1 without a gap": """
        SELECT format('%s-%s', series, tax_year), format(
            '%s receipts numbered %s to %s, counter at %s', given, first, last, last_number)
        FROM (
            SELECT series, tax_year, count(*) AS given, min(sequence) AS first, max(sequence) AS last
            FROM receipts GROUP BY series, tax_year
        ) AS book FULL JOIN receipt_counters USING (series, tax_year)
        WHERE (given, first, last) IS DISTINCT FROM (last_number::bigint, 1, last_number)
    """,
    "a later number was issued later": """
        SELECT number, format('issued %s, the one before at %s', issued_at, before) FROM (
            SELECT number, issued_at,
                   lag(issued_at) OVER (PARTITION BY series, tax_year ORDER BY sequence) AS before
            FROM receipts
        ) AS book WHERE issued_at < before
    """,
    "a receipt says what the gift was": """
        SELECT number, format('%s %s on %s for %s %s on %s', receipts.currency, receipts.amount,
                              receipts.gift_date, donations.currency, donations.amount, donations.gift_date)
        FROM receipts JOIN donations ON donations.id = donation_id
        WHERE (receipts.currency, receipts.amount, receipts.gift_date) IS DISTINCT FROM
              (donations.currency, donations.amount, donations.gift_date)
           OR (content->>'amount_minor')::bigint <> donations.amount
           OR content->>'currency' <> donations.currency
           OR content->>'donor_name' <> donations.donor_name
           OR (content->>'gift_date')::date <> donations.gift_date
           OR extract(year FROM donations.gift_date) <> tax_year
           OR content->>'number' <> number
    """,
    "a receipt's page is the page that was hashed": """
        SELECT number, CASE WHEN pdf IS NULL THEN 'no page' ELSE 'another page' END
        FROM receipts LEFT JOIN receipt_documents AS page ON page.receipt_id = receipts.id
        LEFT JOIN due_documents AS due ON due.receipt_id = receipts.id
        WHERE (pdf IS NULL) <> (due.receipt_id IS NOT NULL) OR encode(sha256(pdf), 'hex') <> pdf_sha256
    """,
    "a receipt has one mail, to its donor, as soon as it has its page": """
        SELECT number, coalesce(outgoing_mails.to_address <> donors.email, true)::text
        FROM receipts JOIN receipt_documents ON receipt_id = receipts.id
        JOIN donations ON donations.id = donation_id JOIN donors ON donors.id = donor_id
        LEFT JOIN outgoing_mails ON reference = 'receipt:' || receipts.id
        WHERE reference IS NULL OR outgoing_mails.to_address <> donors.email
        UNION ALL
        SELECT reference, 'a mail without its page' FROM outgoing_mails
        WHERE reference LIKE 'receipt:%' AND NOT EXISTS (
            SELECT FROM receipt_documents WHERE 'receipt:' || receipt_id = reference)
    """,
    "a queued event is in the log, and a parked one has its reason": """
        SELECT queue.stripe_event_id, 'not in the log' FROM stripe_event_queue AS queue
        LEFT JOIN stripe_events AS log USING (stripe_event_id) WHERE log.stripe_event_id IS NULL
        UNION ALL
        SELECT stripe_event_id, 'parked without reason' FROM stripe_event_queue
        WHERE (parked_at IS NULL) <> (parked_reason IS NULL) OR parked_reason = ''
    """,
    "an event that is done left its fact": """
        SELECT stripe_event_id, type || ' of ' || coalesce(object_id, '?') FROM stripe_events AS log
        WHERE type = ANY(:acted_on)
          AND NOT EXISTS (SELECT FROM stripe_event_queue AS q WHERE q.stripe_event_id = log.stripe_event_id)
          AND NOT CASE
            WHEN type LIKE 'charge.%' THEN EXISTS (SELECT FROM charges WHERE stripe_charge_id = object_id)
            WHEN type LIKE 'checkout.session.%' THEN EXISTS (
                SELECT FROM donations WHERE stripe_checkout_session_id = object_id AND status <> 'pending')
            WHEN type = 'balance_transaction' THEN EXISTS (
                SELECT FROM balance_transactions WHERE stripe_balance_transaction_id = object_id)
            ELSE true END
    """,
    "one key makes one gift": """
        SELECT donations.id, format('%s keys', count(idempotency_key)) FROM donations
        LEFT JOIN donation_requests ON donation_id = donations.id
        GROUP BY donations.id HAVING count(idempotency_key) <> 1
    """,
    "a gift that Stripe knows has its page": """
        SELECT id, status FROM donations
        WHERE status <> 'pending' AND stripe_checkout_session_id IS NULL AND status <> 'expired'
          AND NOT EXISTS (SELECT FROM charges WHERE donation_id = donations.id AND status = 'succeeded')
    """,
}

AT_REST: dict[str, str] = {
    "no event waits": """
        SELECT stripe_event_id, coalesce(parked_reason, last_error, 'never tried') FROM stripe_event_queue
    """,
    "no receipt waits": "SELECT donation_id, coalesce(last_error, 'never tried') FROM due_receipts",
    "no page waits": "SELECT receipt_id, coalesce(last_error, 'never tried') FROM due_documents",
    "every mail is sent": """
        SELECT reference, format('%s after %s tries: %s', status, attempts, last_answer)
        FROM outgoing_mails WHERE status <> 'sent'
    """,
    "a paid gift is settled": """
        SELECT id, 'paid, but its charge never came' FROM donations WHERE status = 'paid' AND paid_at IS NULL
    """,
    "the money of a settled gift is booked": """
        SELECT donations.id, 'not in the book' FROM donations
        WHERE paid_at IS NOT NULL AND id NOT IN (
            SELECT donation_id FROM journal_entries WHERE donation_id IS NOT NULL)
    """,
}
"""Only once everybody has had time to finish."""


def of_the_books(connection: Connection, *, at_rest: bool = False) -> list[Finding]:
    """Every violation that the database alone can show."""
    laws = ALWAYS | (AT_REST if at_rest else {})
    facts = {"acted_on": [*TABLE, *FETCHED]}
    found = []
    for law, query in laws.items():
        rows = connection.execute(text(query), facts if ":acted_on" in query else {})
        found += [Finding(law, str(subject), str(seen)) for subject, seen in rows]
    return found


def against_stripe(connection: Connection, stripe: AtStripe) -> list[Finding]:
    """At rest the house and Stripe hold the same charges, money and pages, each once."""
    found = _differences(
        "the same succeeded charges as at Stripe",
        ours=connection.execute(
            text("SELECT stripe_charge_id, amount, currency FROM charges WHERE status = 'succeeded'")
        ),
        theirs=[
            (charge["id"], charge["amount"], charge["currency"])
            for charge in stripe.charges
            if charge["status"] == "succeeded"
        ],
    )
    found += _differences(
        "the same balance transactions as at Stripe",
        ours=connection.execute(
            text("SELECT stripe_balance_transaction_id, amount, fee, net, currency FROM balance_transactions")
        ),
        theirs=[
            (bt["id"], bt["amount"], bt["fee"], bt["net"], bt["currency"])
            for bt in stripe.balance_transactions
        ],
    )
    found += _differences(
        "one page at Stripe for each gift",
        ours=connection.execute(text("SELECT id, stripe_checkout_session_id FROM donations")),
        theirs=[(session["client_reference_id"], session["id"]) for session in stripe.sessions],
    )
    return found


def _differences(law: str, *, ours: Iterable[Any], theirs: Iterable[Any]) -> list[Finding]:
    here, there = Counter(tuple(row) for row in ours), Counter(tuple(row) for row in theirs)
    return [
        Finding(law, str(row[0]), f"{here[row]} times here, {there[row]} times at Stripe: {row[1:]}")
        for row in here.keys() | there.keys()
        if here[row] != there[row]
    ]


def of_the_mailbox(
    connection: Connection, delivered: Iterable[bytes], *, may_be_doubled: int = 0
) -> list[Finding]:
    """What was sent arrived; what arrived twice is the same mail, and only as often as allowed.

    Between the mail server's yes and our note of it lies the one moment in which a crash sends a
    mail again, so `may_be_doubled` is how often a sender was killed there at most.
    """
    found = []
    arrived: dict[str, list[bytes]] = defaultdict(list)
    for raw in delivered:
        message = email.message_from_bytes(raw, policy=email.policy.default)
        arrived[str(message["Message-ID"]).strip()].append(raw.replace(b"\r\n", b"\n").rstrip())
    owed = {
        message_id: (status, message)
        for message_id, status, message in connection.execute(
            text("SELECT message_id, status, message FROM outgoing_mails")
        )
    }
    for message_id, (status, message) in owed.items():
        copies = arrived.pop(message_id, [])
        if status == "sent" and not copies:
            found.append(Finding("a sent mail arrived", message_id, "nowhere"))
        if any(copy != message.replace(b"\r\n", b"\n").rstrip() for copy in copies):
            found.append(Finding("every copy of a mail is the same mail", message_id, "other bytes"))
        may_be_doubled -= max(len(copies) - 1, 0)
        if may_be_doubled < 0 and len(copies) > 1:
            found.append(Finding("a mail arrives once", message_id, f"{len(copies)} times"))
    found += [Finding("only mail that is owed is sent", message_id, "unknown") for message_id in arrived]
    return found
