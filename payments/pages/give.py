"""The pages a donor meets while giving: the donate form and the thank-you page.

The form is an ordinary POST answered by 303 to Stripe's page; no script is needed. The thank-you page
shows what our own row says, because coming back from Stripe proves nothing. Its address may be seen
by others, so it never shows who gave.
"""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from payments import doorkeeper
from payments.clock import day_in
from payments.database import transaction
from payments.dependencies import DatabaseSession, OpenedCheckout, open_checkout
from payments.donations import organisation as charity
from payments.donations.models import Donation, DonationStatus, Fund, GivingTerms, IssuingEntity
from payments.donations.wishes import Wish, WishRefused
from payments.doorkeeper import ProofWanted, TooManyTries, Visit
from payments.errors import StripeRefused, StripeUnavailable
from payments.giftaid import wishing
from payments.monthly.models import MonthlyGift, MonthlyStatus
from payments.pages import colours, gift_form
from payments.pages.forms import posted
from payments.pages.gift_form import Answers, FieldError
from payments.pages.look import Brand, error_page, language_links, locale_of, page, too_many
from payments.supporters.newsletter import asking
from payments.supporters.newsletter.asking import Asked
from payments.supporters.newsletter.models import Source
from payments.supporters.newsletter.wording import VERSION, Wording, tick

__all__ = ["error_page", "router"]

router = APIRouter(include_in_schema=False, max_body_size=64 * 1024)

_ATTEMPTS = 5
_CALM_AFTER = 15
_STOP_AFTER = 60


@router.get("/")
def front_door(request: Request) -> Response:
    query = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(f"/donate{query}", status_code=303)


@router.get("/{name}/")
def without_slash(request: Request, name: str) -> Response:
    """A page's address as people type it, with a slash at its end."""
    if name not in {"donate", "giving", "monthly", "newsletter", "verify"}:
        return error_page(request, 404)
    query = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(f"/{name}{query}", status_code=303)


@router.get("/theme/{accent}.css")
def theme(request: Request, accent: str) -> Response:
    """The charity's colour as a stylesheet, because the pages allow no styles inside themselves."""
    colour = colours.parse(accent)
    if colour is None:
        return error_page(request, 404)
    return Response(
        colours.stylesheet(colour),
        media_type="text/css",
        headers={"cache-control": "public, max-age=31536000, immutable"},
    )


@router.get("/donate")
def donate(request: Request, session: DatabaseSession) -> Response:
    """The form; after `?cancelled=ID` with that gift's choices, so that nobody starts from nothing."""
    locale = locale_of(request)
    terms, funds = charity.giving_terms(session), charity.open_funds(session)
    answers = gift_form.fresh(request.query_params, locale=locale, terms=terms, funds=funds)
    notice = ""
    if left := _gift(session, request.query_params.get("cancelled", "")):
        if left.status in {DonationStatus.PAID, DonationStatus.PROCESSING}:
            return RedirectResponse(f"/thank-you/{left.id}?lang={locale}", status_code=303)
        notice = "cancelled"
        answers = gift_form.again(left, answers, terms=terms)
    return _form_page(request, session, answers, notice=notice)


@router.post("/donate")
def donate_now(request: Request, form: Annotated[dict[str, str], Depends(posted)]) -> Response:
    """Take the wish to Stripe. No connection is held while Stripe is asked."""
    locale = locale_of(request, fallback=form.get("lang"))
    with transaction() as session:
        terms, funds = charity.giving_terms(session), charity.open_funds(session)
        entity = charity.receiving_entity(session)
    answers = gift_form.filled_in(form, locale=locale, terms=terms)
    wish, errors = gift_form.wish_of(answers, terms=terms, funds=funds, entity=entity)
    if wish is None:
        return _form_again(request, answers, errors=errors, status=422)

    visit = doorkeeper.visit(request, puzzle_sent=form.get("puzzle", ""), answer=form.get("proof", ""))
    try:
        opened = _opened(wish, answers, visit)
    except TooManyTries as refusal:
        return _turned_away(request, answers, refusal)
    except WishRefused as refusal:
        return _form_again(request, answers, errors=gift_form.refused(refusal, answers), status=422)
    except (StripeUnavailable, StripeRefused):
        return _form_again(request, answers, notice="unavailable", status=503)
    if answers.newsletter:
        _ask_reader(wish, locale)
    if opened.status != DonationStatus.PENDING or opened.checkout_url is None:
        return RedirectResponse(f"/thank-you/{opened.donation_id}?lang={locale}", status_code=303)
    return RedirectResponse(opened.checkout_url, status_code=303)


def _opened(wish: Wish, answers: Answers, visit: Visit) -> OpenedCheckout:
    """The gift of this form. One that ended unpaid is not opened again: the same form then begins anew."""
    opened = open_checkout(wish, key=gift_form.key_of(answers), visitor=visit)
    for attempt in range(1, _ATTEMPTS):
        if opened.status not in {DonationStatus.EXPIRED, DonationStatus.FAILED}:
            break
        opened = open_checkout(wish, key=gift_form.key_of(answers, attempt=attempt), visitor=visit)
    visit.opened(opened.donation_id)
    return opened


def _ask_reader(wish: Wish, locale: str) -> None:
    """Ticked by hand: a mail asks whether it is meant. The gift itself subscribes nobody, paid or not."""
    shown = Wording(VERSION, " ".join(tick(locale)))
    asked = Asked(email=wish.donor_email, locale=locale, source=Source.DONATE, page="/donate", wording=shown)
    with transaction() as session:
        asking.ask(session, asked)


def _gift_aid(entity: IssuingEntity, terms: Sequence[GivingTerms]) -> dict[str, str] | None:
    """What a donor declares by ticking the box, for each frequency; None where there is no Gift Aid."""
    if not wishing.is_offered(entity) or "gbp" not in {row.currency for row in terms}:
        return None
    return {frequency: wishing.words(entity, frequency) for frequency in gift_form.FREQUENCIES}


def _turned_away(request: Request, answers: Answers, refusal: TooManyTries) -> HTMLResponse:
    """The form again, with all that was typed, for who may still show to be a person; else no form."""
    if isinstance(refusal, ProofWanted):
        return _form_again(request, answers, notice="proof", status=429)
    return too_many(request, refusal, locale=answers.locale)


def _form_again(request: Request, answers: Answers, **facts: Any) -> HTMLResponse:
    with transaction() as session:
        return _form_page(request, session, answers, **facts)


@router.get("/thank-you/{donation_id}")
def thank_you(request: Request, session: DatabaseSession, donation_id: str) -> Response:
    """What became of the gift, by our own record; looks again by itself while that is still open."""
    gift = _gift(session, donation_id)
    if gift is None:
        return error_page(request, 404)
    locale = locale_of(request, fallback=gift.locale)
    funds = session.scalars(select(Fund).where(Fund.id.in_([part.fund_id for part in gift.allocations])))
    names = {fund.id: fund.name_in(locale) for fund in funds}
    organisation, entity = charity.the_organisation(session), session.get_one(IssuingEntity, gift.entity_id)
    looks = _looks(request)
    look_again = gift.status == DonationStatus.PENDING and looks < _STOP_AFTER
    return page(
        "thank_you.html",
        locale=locale,
        brand=Brand.of(organisation, locale),
        entity=entity,
        gift_status=gift.status,
        is_monthly=gift.frequency == "monthly",
        programme=charity.programme(organisation, locale),
        next_day=_next_day(session, gift, entity),
        total=gift.total,
        gift_date=gift.gift_date,
        funds=[names[part.fund_id] for part in gift.allocations],
        is_slow=looks >= _CALM_AFTER,
        seconds=(2 if looks < _CALM_AFTER else 10) if look_again else None,
        next_look=f"/thank-you/{gift.id}?{urlencode({'lang': locale, 'look': looks + 1})}",
        language_links=language_links(request, {}),
    )


def _next_day(session: Session, gift: Donation, entity: IssuingEntity) -> date | None:
    """When the next instalment of a monthly gift is due, once Stripe has told."""
    promise = session.get(MonthlyGift, gift.monthly_gift_id) if gift.monthly_gift_id else None
    if promise is None or promise.next_charge_at is None or promise.status != MonthlyStatus.ACTIVE:
        return None
    return day_in(entity.time_zone, promise.next_charge_at)


def _looks(request: Request) -> int:
    count = request.query_params.get("look", "0")
    return int(count) if count.isascii() and count.isdigit() and len(count) < 5 else 0


def _gift(session: Session, donation_id: str) -> Donation | None:
    if not donation_id.startswith("don_") or "\0" in donation_id:
        return None
    return session.get(Donation, donation_id, options=[selectinload(Donation.allocations)])


def _form_page(
    request: Request,
    session: Session,
    answers: Answers,
    *,
    errors: list[FieldError] | None = None,
    notice: str = "",
    status: int = 200,
) -> HTMLResponse:
    found = errors or []
    terms, entity = charity.giving_terms(session), charity.receiving_entity(session)
    return page(
        "donate.html",
        locale=answers.locale,
        brand=Brand.of(charity.the_organisation(session), answers.locale),
        status=status,
        entity=entity,
        gift_aid=_gift_aid(entity, terms),
        newsletter=tick(answers.locale),
        frequencies=gift_form.offered_frequencies(terms),
        offers=answers.offers(terms),
        funds=charity.open_funds(session),
        answers=answers,
        errors=found,
        error_for={error.field: error for error in reversed(found)},
        notice=notice,
        puzzle=doorkeeper.new_puzzle(),
        headers={"retry-after": str(doorkeeper.WAITED_SECONDS)} if notice == "proof" else None,
        language_links=language_links(request, dict(answers.source)),
    )
