"""A gift's chain as rows of a pack's tables: ids, days, amounts, hashes, and who did what."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any

from payments.audit.chain import AtBank, Chain
from payments.audit.gaps import Gap
from payments.audit.sampling import Drawn
from payments.receipts.models import Receipt
from payments.reconciliation.exports.cells import guard, major

Row = tuple[Any, ...]
Masked = Callable[[str | None], str | None]
"""Takes donors out of what people typed; leaves it as it is where they are named."""

COLUMNS: Mapping[str, Sequence[str]] = {
    "sample.csv": (
        *("gift", "gift_date", "currency", "amount", "amount_minor", "channel", "why", "ticket", "hits"),
        *("donor", "asked_at", "paid_at", "charges", "entries", "receipt", "payout", "bank_line", "gaps"),
    ),
    "gaps.csv": ("gift", "step", "what"),
    "events.csv": (
        "gift",
        "event",
        "about",
        "type",
        "source",
        "created_at",
        "received_at",
        "sha256",
        "redacted",
    ),
    "movements.csv": (
        *("gift", "balance_transaction", "category", "source", "currency", "gross", "fee", "net"),
        *("created_at", "available_on", "entry"),
    ),
    "journal.csv": (
        *("gift", "number", "effective_on", "occurred_at", "posted_at", "reference", "kind", "position"),
        *("debit_account", "credit_account", "amount", "amount_minor", "currency", "fund"),
    ),
    "receipts.csv": (
        *(
            "gift",
            "number",
            "kind",
            "status",
            "issued_at",
            "gift_date",
            "currency",
            "amount",
            "content_sha256",
        ),
        *("pdf_sha256", "pdf_found_sha256", "letter", "void_cause", "void_reason", "voided_at", "voided_by"),
    ),
    "money_back.csv": (
        *("gift", "what", "id", "stripe_id", "currency", "amount", "status", "origin", "reason", "note"),
        *("asked_by", "asked_at", "approved_by", "closed_at"),
    ),
    "payouts.csv": (
        *("gift", "payout", "status", "automatic", "currency", "amount", "made_at", "arrives_on", "proof"),
        *("proof_says", "bank_account", "bank_line", "booked_on", "bank_amount", "matched_by", "matched_at"),
        *("why_matched", "statement", "line_of_statement", "statement_sha256"),
    ),
    "deeds_of_gifts.csv": ("gift", "at", "who", "deed", "subject", "reason"),
}
"""The tables of the sample, in a pack each a file: a row begins with the gift it is about."""


def rows_of(
    chain: Chain, drawn: Drawn, gaps: Sequence[Gap], *, staff: Mapping[str, str], masked: Masked
) -> Iterator[tuple[str, Row]]:
    """Each row with the table it belongs to."""
    gift = chain.gift.id
    yield "sample.csv", _sampled(chain, drawn, len(gaps))
    for gap in gaps:
        yield "gaps.csv", (gift, gap.step, masked(gap.sentence))
    for event in chain.events:
        yield (
            "events.csv",
            (
                *(gift, event.stripe_event_id, event.about, event.type, event.source),
                *(event.created_at, event.received_at, event.sha256, event.is_redacted),
            ),
        )
    for row in _movements(chain):
        yield "movements.csv", row
    for entry, move in chain.story.journal:
        yield (
            "journal.csv",
            (
                *(gift, entry.number, entry.effective_on, entry.occurred_at, entry.posted_at),
                *(entry.reference, entry.kind, move.position, move.to_account, move.from_account),
                *(major(move.amount, move.currency), move.amount, move.currency, move.fund_id),
            ),
        )
    for row in _receipts(chain, staff, masked):
        yield "receipts.csv", row
    for row in _money_back(chain, staff, masked):
        yield "money_back.csv", row
    for row in _way_to_the_bank(chain, staff, masked):
        yield "payouts.csv", row
    for deed in chain.deeds:
        noted = deed.entry
        yield (
            "deeds_of_gifts.csv",
            (gift, noted.at, deed.name, noted.deed, noted.subject, masked(noted.reason)),
        )


def _sampled(chain: Chain, drawn: Drawn, gaps: int) -> Row:
    gift, standing = chain.gift, chain.story.standing_receipt
    last = chain.legs[-1] if chain.legs else None
    at_bank = last.at_bank if last is not None else chain.paper_at_bank
    return (
        *(gift.id, drawn.gift_date, drawn.currency, major(drawn.amount, drawn.currency), drawn.amount),
        *(drawn.channel, drawn.why.value, drawn.ticket, drawn.hits, gift.donor_id),
        *(gift.created_at, gift.paid_at),
        " ".join(each.charge.stripe_charge_id for each in chain.booked),
        " ".join(dict.fromkeys(str(entry.number) for entry, _ in chain.story.journal)),
        standing.receipt.number if standing is not None else None,
        last.payout.stripe_payout_id if last is not None else None,
        at_bank.line.id if at_bank is not None else None,
        gaps,
    )


def _movements(chain: Chain) -> Iterator[Row]:
    for booked in chain.booked:
        for row in booked.transactions:
            yield (
                *(chain.gift.id, row.stripe_balance_transaction_id, row.reporting_category, row.source_id),
                row.currency,
                *(major(amount, row.currency) for amount in (row.amount, row.fee, row.net)),
                *(row.created_at, row.available_on),
                booked.kinds.get(f"bt:{row.stripe_balance_transaction_id}"),
            )


def _receipts(chain: Chain, staff: Mapping[str, str], masked: Masked) -> Iterator[Row]:
    for each in chain.story.receipts:
        receipt, page = each.receipt, chain.pages.get(each.receipt.id)
        yield (
            *(chain.gift.id, receipt.number, receipt.kind, receipt.status, receipt.issued_at),
            *(receipt.gift_date, receipt.currency, major(receipt.amount, receipt.currency)),
            content_sha256(receipt),
            *((page.noted, page.found) if page is not None else (None, None)),
            each.mail.status if each.mail is not None else None,
            *(receipt.void_cause, masked(receipt.void_reason), receipt.voided_at),
            _who(receipt.voided_by, staff),
        )


def content_sha256(receipt: Receipt) -> str:
    """Of what the receipt says: its JSON with the keys in order and no blanks, in UTF-8."""
    said = json.dumps(receipt.content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return sha256(said.encode()).hexdigest()


def _money_back(chain: Chain, staff: Mapping[str, str], masked: Masked) -> Iterator[Row]:
    gift = chain.gift.id
    for refund in chain.refunds:
        yield (
            *(gift, "refund", refund.id, refund.stripe_refund_id, refund.currency),
            *(major(refund.amount, refund.currency), refund.status, refund.origin, refund.reason),
            *(masked(refund.note), _who(refund.requested_by, staff), refund.created_at),
            *(_who(refund.approved_by, staff), None),
        )
    for dispute in chain.disputes:
        yield (
            *(gift, "dispute", dispute.stripe_dispute_id, dispute.stripe_dispute_id, dispute.currency),
            *(major(dispute.amount, dispute.currency), dispute.status, "stripe", dispute.reason),
            *(None, None, dispute.opened_at, None, dispute.closed_at),
        )
    for owed in chain.owed:
        yield (
            *(gift, "owed", owed.id, None, owed.currency, major(owed.amount, owed.currency)),
            *(owed.status, "staff", None, masked(owed.transfer_reference)),
            *(_who(owed.requested_by, staff), owed.requested_at, _who(owed.approved_by, staff)),
            owed.decided_at,
        )


def _way_to_the_bank(chain: Chain, staff: Mapping[str, str], masked: Masked) -> Iterator[Row]:
    gift = chain.gift.id
    for leg in chain.legs:
        payout = leg.payout
        yield (
            *(gift, payout.stripe_payout_id, payout.status, payout.is_automatic, payout.currency),
            *(major(payout.amount, payout.currency), payout.made_at, payout.arrives_on),
            *(leg.proof.state.value, leg.proof.sentence, *_on_statement(leg.at_bank, staff, masked)),
        )
    if chain.paper is not None:
        slip = chain.slip
        yield (
            *(gift, slip.id if slip is not None else None, "deposit" if slip is not None else "paper"),
            None,
            chain.gift.currency,
            major(slip.total if slip is not None else chain.gift.amount, chain.gift.currency),
            *(slip.deposited_on if slip is not None else chain.paper.received_on, None, None, None),
            *_on_statement(chain.paper_at_bank, staff, masked),
        )


def _on_statement(at_bank: AtBank | None, staff: Mapping[str, str], masked: Masked) -> Row:
    if at_bank is None:
        return (None,) * 10
    line, match = at_bank.line, at_bank.match
    return (
        *(line.bank_account_id, line.id, line.booked_on, major(line.amount, line.currency)),
        "by itself" if match.matched_by is None else _who(match.matched_by, staff),
        *(match.matched_at, masked(match.reason)),
        *(line.bank_statement_id, line.position, at_bank.statement_sha256),
    )


def _who(staff_id: str | None, staff: Mapping[str, str]) -> str | None:
    return None if staff_id is None else staff.get(staff_id, staff_id)


def written(cell: Any) -> str:
    """A cell as it stands in a file: instants in UTC to the second, words so that no spreadsheet computes
    them."""
    if isinstance(cell, str):
        return guard(cell)
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, datetime):
        return f"{cell:%Y-%m-%dT%H:%M:%SZ}"
    if isinstance(cell, date):
        return cell.isoformat()
    return "" if cell is None else f"{cell:f}" if isinstance(cell, Decimal) else str(cell)
