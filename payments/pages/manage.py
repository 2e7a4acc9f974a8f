"""The donor's own page of a monthly gift, behind the signed link of our mails: no login, no password.

Opening a link only shows: mail programs and virus scanners open links too. What is asked for is an
ordinary POST, answered by 303 to the same page, which then shows what our rows say. The link is good for
one gift and says nothing of the person, and the page does not either. An old link is answered with the same
words whatever is known; the new one goes only to the donor. Who types `/monthly` is led to `/giving`.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy.orm import Session

from payments import doorkeeper
from payments.clock import now
from payments.database import transaction
from payments.dependencies import DatabaseSession
from payments.donations import organisation as charity
from payments.donations.wishes import WishRefused
from payments.doorkeeper import TooManyTries
from payments.errors import StripeRefused, StripeUnavailable
from payments.giving.asking import renew
from payments.money import Money
from payments.monthly import changes, dunning, links
from payments.monthly.links import LinkExpired, LinkNotGenuine
from payments.monthly.models import MonthlyGift
from payments.monthly.refusals import ChangeRefused, MonthlyGiftNotFound
from payments.pages import standing_gift
from payments.pages.amounts import read_amount, write_amount
from payments.pages.forms import posted
from payments.pages.look import Brand, error_page, language_links, locale_of, page, too_many
from payments.settings import settings
from payments.shield import limits
from payments.stripe_gateway.client import gateway
from payments.supporters import donors
from payments.translations import sentence_for

router = APIRouter(prefix="/monthly", include_in_schema=False, max_body_size=64 * 1024)

Form = Annotated[dict[str, str], Depends(posted)]
Deed = Callable[[Session, str, dict[str, str]], object]

_UNSEEN = {"x-robots-tag": "noindex, nofollow"}
_BACK_WITHIN = timedelta(hours=1)
"""Stripe is told where the donor comes back to: by a link that is soon worth nothing."""


@router.get("")
def ask_for_links(request: Request) -> Response:
    """Links to monthly gifts come with the link to all gifts."""
    query = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(f"/giving{query}", status_code=303)


@router.post("")
def send_links() -> Response:
    """A form that was open while this page moved: the browser sends it once more, to where it belongs."""
    return RedirectResponse("/giving", status_code=307)


@router.get("/sent")
def links_sent(request: Request, session: DatabaseSession) -> Response:
    """What everybody is told who asked for a link."""
    return _links_page(request, session, state="sent")


@router.get("/{token}")
def show(request: Request, session: DatabaseSession, token: str) -> Response:
    """How the gift stands, and what may be asked of it. Changes nothing."""
    return _opened(request, session, token)


@router.post("/{token}/new-link")
def new_link(request: Request, session: DatabaseSession, token: str, form: Form) -> Response:
    """Somebody holds a link that has expired: a new one goes to the donor, and nowhere else."""
    locale = locale_of(request, fallback=form.get("lang"))
    try:
        _must_not_hurry(request, token)
    except TooManyTries as refusal:
        return too_many(request, refusal, locale=locale)
    try:
        monthly_gift_id = links.monthly_gift_id(token)
    except LinkNotGenuine:
        return error_page(request, 404, locale=locale)
    except LinkExpired as expired:
        monthly_gift_id = expired.monthly_gift_id
    renew(session, monthly_gift_id)
    return RedirectResponse(f"/monthly/sent?{urlencode({'lang': locale})}", status_code=303)


@router.post("/{token}/stop")
def stop(request: Request, token: str, form: Form) -> Response:
    """The stop button."""
    return _done(request, token, form, lambda session, gift, _: changes.cancel(session, gift))


@router.post("/{token}/skip")
def skip(request: Request, token: str, form: Form) -> Response:
    """Leave out the next gift."""
    return _done(request, token, form, lambda session, gift, _: changes.skip_one(session, gift))


@router.post("/{token}/pause")
def pause(request: Request, token: str, form: Form) -> Response:
    """Leave out the next gifts."""
    return _done(
        request,
        token,
        form,
        lambda session, gift, said: changes.pause(session, gift, months=_whole(said.get("months", ""))),
    )


@router.post("/{token}/resume")
def resume(request: Request, token: str, form: Form) -> Response:
    """End a pause."""
    return _done(request, token, form, lambda session, gift, _: changes.resume(session, gift))


@router.post("/{token}/amount")
def change_amount(request: Request, token: str, form: Form) -> Response:
    """Give another amount from the next gift on."""
    return _done(request, token, form, _change_amount)


@router.post("/{token}/day")
def change_day(request: Request, token: str, form: Form) -> Response:
    """Give on another day of the month."""
    return _done(
        request,
        token,
        form,
        lambda session, gift, said: changes.change_day(session, gift, day=_whole(said.get("day", ""))),
    )


@router.post("/{token}/come-back")
def come_back(request: Request, token: str, form: Form) -> Response:
    """Take up again a gift that had lapsed."""
    return _done(
        request, token, form, lambda session, gift, _: dunning.come_back(session, _held(session, gift))
    )


@router.post("/{token}/card")
def change_card(request: Request, token: str, form: Form) -> Response:
    """To Stripe's page for another card, and back here."""
    return _sent_to_stripe(request, token, form, _card_page)


@router.post("/{token}/pay")
def pay(request: Request, token: str, form: Form) -> Response:
    """To Stripe's page on which a refused instalment is confirmed or paid."""
    return _sent_to_stripe(request, token, form, _invoice_page)


def _change_amount(session: Session, monthly_gift_id: str, said: dict[str, str]) -> None:
    gift = changes.find(session, monthly_gift_id)
    before = changes.terms_now(session, gift)
    example = Money(before.amount - before.fee_cover_amount, gift.currency)
    amount = Money(read_amount(said.get("amount", ""), gift.currency, example=example), gift.currency)
    changes.change_amount(session, monthly_gift_id, amount=amount, cover_fees=bool(said.get("cover_fees")))


def _card_page(session: Session, gift: MonthlyGift, locale: str) -> Callable[[], str | None]:
    email = donors.email_of(session, gift.donor_id)
    back = links.token(gift.id, email, expires_at=now() + _BACK_WITHIN)
    return_url = f"{settings().public_base_url}/monthly/{back}?{urlencode({'lang': locale})}"
    customer = gift.stripe_customer_id
    if customer is None:
        return lambda: None
    return lambda: gateway().billing.card_page(customer, locale=locale, return_url=return_url)


def _invoice_page(session: Session, gift: MonthlyGift, locale: str) -> Callable[[], str | None]:
    invoice = standing_gift.unpaid_invoice(session, gift.id)
    if invoice is None:
        return lambda: None
    stripe_invoice_id = invoice.stripe_invoice_id
    return lambda: gateway().billing.invoice(stripe_invoice_id).hosted_invoice_url


def _opens(session: Session, token: str) -> str:
    """The gift behind a link. A link that was made for another address than the donor has now, in any record
    of theirs, is as an old one: its mail went astray, and a stranger may hold it."""
    monthly_gift_id = links.monthly_gift_id(token)
    gift = session.get(MonthlyGift, monthly_gift_id)
    if gift is not None and not any(
        links.was_for(token, email) for email in donors.addresses_of(session, gift.donor_id)
    ):
        raise LinkExpired(monthly_gift_id)
    return monthly_gift_id


def _held(session: Session, monthly_gift_id: str) -> MonthlyGift:
    return changes.find(session, monthly_gift_id, for_update=True)


def _whole(text: str) -> int:
    """A number from a list of ours; 0 for anything else, which no list of ours holds."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 else 0


def _done(request: Request, token: str, form: dict[str, str], deed: Deed) -> Response:
    """Do it and show the page anew; or show the page with what stood in the way."""
    locale = locale_of(request, fallback=form.get("lang"))
    try:
        _must_not_hurry(request, token)
        with transaction() as session:
            deed(session, _opens(session, token), form)
    except TooManyTries as refusal:
        return too_many(request, refusal, locale=locale)
    except (ChangeRefused, WishRefused) as refusal:
        with transaction() as session:
            return _opened(
                request,
                session,
                token,
                locale=locale,
                complaint=sentence_for(refusal, locale),
                about=refusal.field,
                status=422,
            )
    except (LinkNotGenuine, LinkExpired, MonthlyGiftNotFound):
        with transaction() as session:
            return _opened(request, session, token, locale=locale)
    return RedirectResponse(f"/monthly/{token}?{urlencode({'lang': locale})}", status_code=303)


def _sent_to_stripe(
    request: Request,
    token: str,
    form: dict[str, str],
    asking: Callable[[Session, MonthlyGift, str], Callable[[], str | None]],
) -> Response:
    """A page of Stripe's for this gift alone. No transaction is open while Stripe is asked."""
    locale = locale_of(request, fallback=form.get("lang"))
    try:
        _must_not_hurry(request, token)
        doorkeeper.count(limits.STRIPE_PAGES, token)
        with transaction() as session:
            ask = asking(session, changes.find(session, _opens(session, token)), locale)
        address = ask()
    except TooManyTries as refusal:
        return too_many(request, refusal, locale=locale)
    except (LinkNotGenuine, LinkExpired, MonthlyGiftNotFound):
        with transaction() as session:
            return _opened(request, session, token, locale=locale)
    except (StripeUnavailable, StripeRefused):
        with transaction() as session:
            return _opened(request, session, token, locale=locale, is_stripe_away=True, status=503)
    if address is None:
        # It was paid, or ended, since the page was drawn: the page says so.
        address = f"/monthly/{token}?{urlencode({'lang': locale})}"
    return RedirectResponse(address, status_code=303)


def _must_not_hurry(request: Request, token: str) -> None:
    doorkeeper.knock(request, limits.STEERED_FROM)
    doorkeeper.count(limits.STEERED, token)


def _opened(
    request: Request,
    session: Session,
    token: str,
    *,
    locale: str | None = None,
    complaint: str = "",
    about: str = "",
    is_stripe_away: bool = False,
    status: int = 200,
) -> HTMLResponse:
    """The page behind a link, or why it does not open."""
    try:
        shown = standing_gift.read(session, _opens(session, token))
    except LinkExpired:
        return _links_page(request, session, state="expired", locale=locale, token=token, status=410)
    except (LinkNotGenuine, MonthlyGiftNotFound):
        return error_page(request, 404, locale=locale)
    locale = locale or locale_of(request, fallback=shown.gift.locale)
    organisation = charity.the_organisation(session)
    return page(
        "monthly.html",
        locale=locale,
        brand=Brand.of(organisation, locale),
        status=status,
        headers=_UNSEEN,
        entity=shown.entity,
        shown=shown,
        token=token,
        programme=charity.programme(organisation, locale),
        funds=standing_gift.fund_names(session, shown, locale),
        typed_amount=write_amount(shown.for_the_funds.minor, shown.gift.currency),
        complaint=complaint,
        about=about,
        is_stripe_away=is_stripe_away,
        language_links=language_links(request, {}, path=f"/monthly/{token}"),
    )


def _links_page(
    request: Request,
    session: Session,
    *,
    state: str,
    locale: str | None = None,
    token: str = "",
    status: int = 200,
) -> HTMLResponse:
    spoken = locale or locale_of(request)
    return page(
        "monthly_links.html",
        locale=spoken,
        brand=Brand.of(charity.the_organisation(session), spoken),
        status=status,
        headers=_UNSEEN,
        entity=charity.receiving_entity(session),
        state=state,
        token=token,
        language_links=language_links(request, {}, path="/monthly/sent" if state == "sent" else None),
    )
