"""Every letter about a monthly gift, each function named for the fact it tells.

A letter is put into the outbox in the transaction of the deed it tells of, and once: the same fact told
again is the same letter. Each carries the signed link with which the donor changes or stops the gift. They
are about the donor's own standing order and carry no advertising, so there is no list to unsubscribe from.

Those told by the calendar may be laid on a pile, which whoever made it puts into the outbox.
"""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from payments.money import Money
from payments.monthly import days
from payments.monthly.declines import Course, Decision
from payments.monthly.letter_paper import Desk, Telling
from payments.monthly.letter_pile import Pile
from payments.monthly.models import ChangeStatus, EndReason, MonthlyChange, MonthlyGift, MonthlyInvoice
from payments.settings import settings


def refused(
    session: Session,
    gift: MonthlyGift,
    invoice: MonthlyInvoice,
    *,
    decision: Decision,
    number: int,
    next_at: datetime,
    confirm_url: str | None,
) -> None:
    """The `number`th try of an instalment was refused. `next_at` is when it is tried again, or until when
    the donor may act; `confirm_url` is Stripe's page on which the payment can be confirmed."""
    desk = Desk(session, gift)
    amount = _due(desk, invoice)
    day = desk.day(next_at) or ""
    reason = desk.words["reasons"][decision.reason].format(method=desk.method())
    desk.put(
        Telling(
            fact=f"refused_{decision.course}",
            about=f"{invoice.stripe_invoice_id}:{number}",
            facts={
                "amount": amount,
                "method": desk.method(),
                "reason": reason,
                "next_try": day,
                "until": day,
            },
            rows=[
                ("once_amount", amount),
                ("method", desk.method_row()),
                (_day_of(decision.course), day),
            ],
            button_url=confirm_url if decision.course is Course.CONFIRM else None,
        )
    )


def _day_of(course: Course) -> str:
    """What the day of a refusal is called beside it. A donor who stopped it at the bank is set no term."""
    if course is Course.STOPPED_AT_BANK:
        return "rests_from"
    return "until" if course in {Course.NEW_METHOD, Course.CONFIRM} else "next_try"


def lapsed(session: Session, gift: MonthlyGift, invoice: MonthlyInvoice) -> None:
    """The tries are used up: nothing more is charged, and here is the way back."""
    desk = Desk(session, gift)
    amount = _due(desk, invoice)
    desk.put(Telling(fact="lapsed", about=invoice.stripe_invoice_id, facts={"amount": amount}))


def recovered(session: Session, gift: MonthlyGift, invoice: MonthlyInvoice) -> None:
    """An instalment that had been refused was paid after all."""
    desk = Desk(session, gift)
    amount = _due(desk, invoice)
    desk.put(
        Telling(
            fact="recovered",
            about=invoice.stripe_invoice_id,
            facts={"amount": amount},
            rows=[
                ("once_amount", amount),
                ("method", desk.method_row()),
                ("next_charge", desk.day(gift.next_charge_at)),
            ],
        )
    )


def came_back(session: Session, gift: MonthlyGift, *, lapsed_at: datetime) -> None:
    """The donor took up a gift again that had lapsed."""
    desk = Desk(session, gift)
    terms = desk.terms()
    amount = desk.money(terms.amount)
    desk.put(
        Telling(
            fact="came_back",
            about=f"{gift.id}:{int(lapsed_at.timestamp())}",
            facts={"amount": amount},
            rows=[
                ("amount", amount),
                ("funds", desk.funds(terms)),
                ("method", desk.method_row()),
                ("next_charge", desk.day(gift.next_charge_at)),
            ],
        )
    )


def ended(session: Session, gift: MonthlyGift) -> None:
    """The gift has ended, by the donor's wish or otherwise: the confirmation. `ended_at` is set."""
    desk = Desk(session, gift)
    amount = desk.money(desk.terms().amount)
    day = desk.day(gift.ended_at) or ""
    by_donor = gift.end_reason == EndReason.DONOR
    desk.put(
        Telling(
            fact="cancelled" if by_donor else "ended",
            about=gift.id,
            facts={"amount": amount, "ended_on": day},
            rows=[("amount", amount), ("ended_on", day)],
            button_url=f"{settings().public_base_url}/donate",
        )
    )


def paused(session: Session, gift: MonthlyGift, change: MonthlyChange) -> None:
    """Nothing is charged until the first charge after the change's `paused_until`."""
    _rests(session, gift, change, fact="paused")


def skipped(session: Session, gift: MonthlyGift, change: MonthlyChange) -> None:
    """The next instalment is left out."""
    _rests(session, gift, change, fact="skipped")


def _rests(session: Session, gift: MonthlyGift, change: MonthlyChange, *, fact: str) -> None:
    desk = Desk(session, gift)
    amount = desk.money(desk.terms().amount)
    until = desk.day(_charged_again_at(gift, change)) or ""
    desk.put(
        Telling(
            fact=fact,
            about=change.id,
            facts={"amount": amount, "until": until},
            rows=[("amount", amount), ("paused_until", until)],
        )
    )


def _charged_again_at(gift: MonthlyGift, change: MonthlyChange) -> datetime | None:
    """The day a donor waits for; Stripe's pause ends a little before it."""
    if change.paused_until is None or gift.next_charge_at is None:
        return change.paused_until
    return days.first_charge_after(change.paused_until, next_charge_at=gift.next_charge_at)


def resumed(session: Session, gift: MonthlyGift, change: MonthlyChange) -> None:
    """A pause was ended by the donor or by staff."""
    desk = Desk(session, gift)
    amount = desk.money(desk.terms().amount)
    desk.put(
        Telling(
            fact="resumed",
            about=change.id,
            facts={"amount": amount},
            rows=[("amount", amount), ("next_charge", desk.day(gift.next_charge_at))],
        )
    )


def amount_changed(session: Session, gift: MonthlyGift, change: MonthlyChange) -> None:
    """Other terms from the next instalment on: those the change names."""
    desk = Desk(session, gift)
    number = change.terms_number or 1
    terms, before = desk.terms(number), desk.terms(_in_force_before(session, gift, number))
    amount, was = desk.money(terms.amount), desk.money(before.amount)
    desk.put(
        Telling(
            fact="amount_changed",
            about=change.id,
            facts={"amount": amount, "was": was},
            rows=[
                ("was_amount", was),
                ("becomes_amount", amount),
                ("funds", desk.funds(terms)),
                ("next_charge", desk.day(gift.next_charge_at)),
            ],
        )
    )


def _in_force_before(session: Session, gift: MonthlyGift, number: int) -> int:
    """What was given until now: terms that were overtaken or refused in between never were in force."""
    done = select(func.max(MonthlyChange.terms_number)).where(
        MonthlyChange.monthly_gift_id == gift.id,
        MonthlyChange.status == ChangeStatus.DONE.value,
        MonthlyChange.terms_number < number,
    )
    return session.scalar(done) or 1


def day_changed(session: Session, gift: MonthlyGift, change: MonthlyChange) -> None:
    """Another day of the month from now on."""
    desk = Desk(session, gift)
    amount = desk.money(desk.terms().amount)
    desk.put(
        Telling(
            fact="day_changed",
            about=change.id,
            facts={"amount": amount, "day": str(change.day)},
            rows=[("amount", amount), ("next_charge", desk.day(gift.next_charge_at))],
        )
    )


def soon_again(
    session: Session, gift: MonthlyGift, *, charged_at: datetime, pile: Pile | None = None
) -> None:
    """A pause comes to its end, and the next instalment is near."""
    desk = Desk(session, gift, pile=pile)
    terms = desk.terms()
    amount = desk.money(terms.amount)
    day = desk.day(charged_at) or ""
    desk.put(
        Telling(
            fact="soon_again",
            about=f"{gift.id}:{int((gift.paused_until or charged_at).timestamp())}",
            facts={"amount": amount, "next_charge": day},
            rows=[
                ("amount", amount),
                ("funds", desk.funds(terms)),
                ("method", desk.method_row()),
                ("next_charge", day),
            ],
        )
    )


def card_expiring(session: Session, gift: MonthlyGift, *, pile: Pile | None = None) -> None:
    """The card on file will soon be past its last month; told once for each card."""
    desk = Desk(session, gift, pile=pile)
    method = desk.method()
    desk.put(
        Telling(
            fact="card_expiring",
            about=f"{gift.id}:{gift.card_last4}:{gift.card_expires}",
            facts={
                "method_start": method[:1].upper() + method[1:],
                "expires": desk.card_month(),
            },
            rows=[("method", desk.method_row()), ("next_charge", desk.day(gift.next_charge_at))],
        )
    )


def year_given(
    session: Session, gift: MonthlyGift, *, year: int, total: Money, gifts: int, pile: Pile | None = None
) -> None:
    """What a year of the gift came to: a summary, and no tax document."""
    desk = Desk(session, gift, pile=pile)
    given = total.format(desk.language)
    desk.put(
        Telling(
            fact="year_given",
            about=f"{gift.id}:{year}",
            facts={"year": str(year), "total": given},
            rows=[("gifts", str(gifts)), ("year_total", given), ("funds", desk.funds(desk.terms()))],
        )
    )


def new_link(session: Session, gift: MonthlyGift, *, request_id: str) -> None:
    """Somebody asked for the link of this gift; it goes to the donor's own address and nowhere else.

    The caller limits how often: each `request_id` is one letter.
    """
    desk = Desk(session, gift)
    terms = desk.terms()
    amount = desk.money(terms.amount)
    desk.put(
        Telling(
            fact="new_link",
            about=f"{gift.id}:{request_id}",
            facts={"amount": amount},
            rows=[("amount", amount), ("funds", desk.funds(terms))],
        )
    )


def second_plan(session: Session, gift: MonthlyGift, *, other: MonthlyGift) -> None:
    """A second monthly gift of the same donor has begun beside `other`; both can be stopped from here."""
    desk, terms_of_other = Desk(session, gift), Desk(session, other).terms()
    amount = desk.money(desk.terms().amount)
    other_amount = Money(terms_of_other.amount, other.currency).format(desk.language)
    desk.put(
        Telling(
            fact="second_plan",
            about=gift.id,
            facts={"amount": amount, "other": other_amount},
            rows=[
                ("amount", amount),
                ("funds", desk.funds(desk.terms())),
                ("other_plan", f"{other_amount} · {desk.funds(terms_of_other)}"),
            ],
            second_button_url=desk.link_to(other),
        )
    )


def refunded_after_end(session: Session, gift: MonthlyGift, *, stripe_invoice_id: str, amount: Money) -> None:
    """An instalment was taken after the gift had ended and is given back."""
    desk = Desk(session, gift)
    returned = amount.format(desk.language)
    desk.put(
        Telling(
            fact="refunded_after_end",
            about=stripe_invoice_id,
            facts={"amount": returned, "method": desk.method()},
            rows=[
                ("once_amount", returned),
                ("method", desk.method_row()),
                ("ended_on", desk.day(gift.ended_at)),
            ],
        )
    )


def refunded_in_pause(
    session: Session, gift: MonthlyGift, pause: MonthlyChange, *, stripe_invoice_id: str, amount: Money
) -> None:
    """An instalment was taken after a pause was asked for, before Stripe knew of it, and is given back."""
    desk = Desk(session, gift)
    returned = amount.format(desk.language)
    until = desk.day(_charged_again_at(gift, pause)) or ""
    desk.put(
        Telling(
            fact="refunded_in_pause",
            about=stripe_invoice_id,
            facts={"amount": returned, "method": desk.method(), "until": until},
            rows=[("once_amount", returned), ("method", desk.method_row()), ("paused_until", until)],
        )
    )


def _due(desk: Desk, invoice: MonthlyInvoice) -> str:
    """What an instalment asks for; by the terms where its own event has not come yet."""
    return desk.money(invoice.amount_due if invoice.amount_due is not None else desk.terms().amount)
