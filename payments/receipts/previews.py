"""Pages that are not the original: the draft of a gift's document, and a marked copy of an issued one.

Neither takes a number and neither is kept: what was issued stays the only original.
"""

from dataclasses import dataclass, replace

from sqlalchemy.orm import Session

from payments.clock import day_in, now
from payments.donations import checkout
from payments.errors import AlmonerError
from payments.receipts import countries, render
from payments.receipts.content import ReceiptContent
from payments.receipts.drafting import Gifts
from payments.receipts.models import Receipt


class NothingToDraw(AlmonerError):
    """This gift gets no document; the sentence says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """A draft, and what the law itself asks for this payment."""

    pdf: bytes
    title: str
    duties: tuple[str, ...]


def of_gift(session: Session, donation_id: str) -> Drawn:
    """The document this gift would get today; raises what would keep it from being issued."""
    gift = checkout.find(session, donation_id)
    gifts = Gifts(session, [gift.id])
    if gifts.is_receipted_elsewhere(gift.id):
        raise NothingToDraw("Another platform receipted this gift before it came here; it gets no other.")
    if not gifts.amount(gift.id):
        raise NothingToDraw("Nothing is left of this gift that a document could say.")
    draft = gifts.draft(gift.id)
    content = replace(
        draft.content,
        number=f"{draft.series}-{draft.tax_year}-······",
        issued_on=day_in(draft.time_zone, now()),
    )
    country = countries.COUNTRIES.get(content.entity.jurisdiction)
    asked = (
        countries.duties(
            country, paid=content.amount_minor, currency=content.currency, benefit=gift.benefit_amount
        )
        if country is not None
        else []
    )
    page = render.render_pdf(content, stamp="draft")
    return Drawn(pdf=page.pdf, title=content.title, duties=tuple(asked))


def copy_of(receipt: Receipt) -> bytes:
    """An issued receipt once more, with its country's mark of a copy."""
    return render.render_pdf(ReceiptContent.from_json(receipt.content), stamp="copy").pdf
