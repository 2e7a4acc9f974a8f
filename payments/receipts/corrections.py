"""What a person does about an issued receipt: void it, replace it with a right name, send it once more.

An issued receipt never changes. A wrong one is made void and another takes its place, under a new number
that cites the old one; a lost one is sent again as the same bytes, and the log keeps who did it.
"""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from payments.clock import now
from payments.donations.checkout import find as find_gift
from payments.donations.models import Donation
from payments.donations.wishes import LONGEST_NAME
from payments.errors import AlmonerError
from payments.jobs import Bell, ring
from payments.mail import outbox
from payments.mail.address import fit
from payments.mail.models import OutgoingMail
from payments.receipts import issue, notices
from payments.receipts.content import ReceiptContent
from payments.receipts.drafting import Gifts
from payments.receipts.models import Receipt, ReceiptDocument, VoidCause
from payments.receipts.voiding import Known, Void
from payments.staff import audit, people
from payments.staff.models import Role, StaffMember
from payments.supporters.donors import Donor
from payments.translations import N_, Told

MAY_VOID = (Role.FINANCE,)
MAY_CORRECT = (Role.SUPPORT, Role.FINANCE)


class ReceiptNotFound(AlmonerError):
    """No receipt has this number."""

    def __init__(self, number: str) -> None:
        super().__init__(f"There is no receipt {number}. `almoner receipts list` shows the register.")


class CorrectionRefused(Told):
    """It cannot be voided, replaced or sent as it is."""


class IsVoid(CorrectionRefused):
    """It does not count any more."""

    sentence = N_("Receipt {number} is void ({why}); nothing is done with it.")

    def __init__(self, receipt: Receipt) -> None:
        super().__init__(number=receipt.number, why=receipt.void_reason or "")


class NothingLeft(CorrectionRefused):
    """All of the gift went back."""

    sentence = N_("Nothing is left of this gift that a receipt could say.")


class NameUnfit(CorrectionRefused):
    """Nobody is called that."""

    field = "name"
    sentence = N_("Give the name as it is to stand on the receipt, in at most {most} letters.")

    def __init__(self) -> None:
        super().__init__(most=str(LONGEST_NAME))


class AddressUnfit(CorrectionRefused):
    """No mail can go there."""

    field = "to"
    sentence = N_("Give an e-mail address that mail can go to.")


class PageNotWritten(CorrectionRefused):
    """The number is given, its page is not set yet."""

    sentence = N_("The page of {number} is still to be set; `almoner receipts due` says why.")

    def __init__(self, number: str) -> None:
        super().__init__(number=number)


def find(session: Session, number: str) -> Receipt:
    """The receipt of this number, or `ReceiptNotFound`."""
    found = session.scalar(select(Receipt).where(Receipt.number == number.strip()))
    if found is None:
        raise ReceiptNotFound(number)
    return found


def page(session: Session, receipt: Receipt) -> bytes:
    """The very bytes that were sent, or `PageNotWritten`."""
    pdf = session.scalar(select(ReceiptDocument.pdf).where(ReceiptDocument.receipt_id == receipt.id))
    if pdf is None:
        raise PageNotWritten(receipt.number)
    return pdf


def void(session: Session, number: str, *, by: StaffMember, reason: str) -> Receipt:
    """It does not count any more, and no other is issued until somebody replaces it."""
    people.require(by, *MAY_VOID)
    reason = people.reason_given(reason)
    receipt, _ = _locked(session, number)
    if receipt.status == "void":
        raise IsVoid(receipt)
    deed = Void(receipt=_known(receipt), cause=VoidCause.BY_HAND, reason=reason, by=by.id)
    issue.take(session, [issue.Step(donation_id=receipt.donation_id, void=deed, draft=None)])
    audit.note(session, by, "receipt.void", subject=receipt.id, reason=reason, number=receipt.number)
    ring(session, Bell.SEND_MAIL)
    session.refresh(receipt)
    return receipt


def replace(
    session: Session, number: str, *, name: str | None = None, by: StaffMember, reason: str
) -> Receipt:
    """Another in its place, with the right name; also for one that was voided by hand."""
    people.require(by, *MAY_CORRECT)
    reason = people.reason_given(reason)
    receipt, gift = _locked(session, number)
    if not is_replaceable(session, receipt):
        raise IsVoid(receipt)
    if name is not None:
        gift.donor_name = _fit(name)
        session.flush()
    gifts = Gifts(session, [gift.id])
    if not gifts.amount(gift.id):
        raise NothingLeft
    known = _known(receipt)
    deed = Void(receipt=known, cause=VoidCause.CORRECTED, reason=reason, by=by.id, is_replaced=True)
    step = issue.Step(
        donation_id=gift.id,
        void=deed if receipt.status == "issued" else None,
        draft=issue.in_place_of(known, gifts.draft(gift.id)),
    )
    [new_number] = issue.take(session, [step])
    audit.note(
        session,
        by,
        "receipt.replace",
        subject=receipt.id,
        reason=reason,
        number=receipt.number,
        replaced_by=new_number,
        corrected=["name"] if name is not None else [],
    )
    ring(session, Bell.WRITE_DOCUMENTS)
    session.refresh(receipt)
    return find(session, new_number)


def is_replaceable(session: Session, receipt: Receipt) -> bool:
    """Whether another may take its place: it stands, or a person withheld it and none did so far."""
    if receipt.status == "issued":
        return True
    return receipt.void_cause == VoidCause.BY_HAND and replaced_by(session, receipt) is None


def replaced_by(session: Session, receipt: Receipt) -> Receipt | None:
    """The one that stands in its place."""
    return session.scalar(select(Receipt).where(Receipt.replaces_id == receipt.id))


def resend(session: Session, number: str, *, to: str | None = None, by: StaffMember) -> OutgoingMail:
    """Send the same document once more, as a copy, to its donor or to another address."""
    people.require(by, *MAY_CORRECT)
    receipt, gift = _locked(session, number)
    if receipt.status == "void":
        raise IsVoid(receipt)
    pdf = page(session, receipt)
    address = _address(to) if to is not None else session.get_one(Donor, gift.donor_id).email
    copies = select(func.count()).where(OutgoingMail.reference.startswith(f"copy:{receipt.id}:"))
    place = (session.scalar(copies) or 0) + 1
    message_id = outbox.message_id(f"{receipt.id}.copy{place}")
    message = notices.of_copy(
        ReceiptContent.from_json(receipt.content),
        pdf,
        to_address=address,
        message_id=message_id,
        dated=now(),
    )
    reference = f"copy:{receipt.id}:{place}"
    outbox.put(
        session,
        reference=reference,
        to_address=address,
        message_id=message_id,
        message=message,
    )
    audit.note(
        session,
        by,
        "receipt.resend",
        subject=receipt.id,
        reason="a copy",
        number=receipt.number,
        copy=place,
        is_to_another_address=to is not None,
    )
    ring(session, Bell.SEND_MAIL)
    return session.scalars(select(OutgoingMail).where(OutgoingMail.reference == reference)).one()


def _locked(session: Session, number: str) -> tuple[Receipt, Donation]:
    """The receipt and its gift, under the gift's lock: nobody settles it meanwhile."""
    receipt = find(session, number)
    gift = find_gift(session, receipt.donation_id, for_update=True)
    session.refresh(receipt)
    return receipt, gift


def _known(receipt: Receipt) -> Known:
    return Known(id=receipt.id, number=receipt.number, amount=receipt.amount, void_cause=receipt.void_cause)


def _fit(name: str) -> str:
    written = " ".join(name.split())
    if not written or len(written) > LONGEST_NAME:
        raise NameUnfit
    return written


def _address(typed: str) -> str:
    address = fit(typed)
    if address is None:
        raise AddressUnfit
    return address
