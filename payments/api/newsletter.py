"""`/api/v1/newsletter`: the box of the charity's own site. It asks; only the address itself can say yes."""

from typing import Annotated, Literal

from fastapi import APIRouter, Header, Request
from pydantic import BaseModel, Field

from payments import doorkeeper
from payments.api.problems import documented, refused
from payments.api.sent import Sent
from payments.dependencies import DatabaseSession
from payments.shield import limits
from payments.supporters.newsletter import asking
from payments.supporters.newsletter.asking import AddressUnfit, Asked
from payments.supporters.newsletter.models import Source
from payments.translations import N_, translator

router = APIRouter(prefix="/newsletter", tags=["newsletter"])

_LOOK = N_(
    "A mail is on its way to that address. You are not subscribed yet: please open it and press the button."
)


class NewsletterSent(Sent):
    """Somebody wants the newsletter."""

    email: str = Field(examples=["jiwoo@example.com"], max_length=254)
    locale: Literal["en", "ko"] = "en"
    page: str = Field(
        default="",
        examples=["https://www.example.org/stories"],
        description="Where the box stood. Only origin and path are kept.",
    )
    wording_version: int | None = Field(
        default=None, ge=1, le=1000, description="Which of our sentences stood beside the box.", examples=[1]
    )


class NewsletterAsked(BaseModel):
    """The same for every address: nobody is subscribed by it."""

    status: Literal["look_into_your_mail"] = "look_into_your_mail"
    detail: str = Field(description="What to show, in the language of the request.")


@router.post(
    "", status_code=202, responses=documented(400, 413, 422, 429, 503), summary="Ask for the newsletter"
)
def ask(
    request: Request,
    session: DatabaseSession,
    sent: NewsletterSent,
    idempotency_key: Annotated[
        str | None,
        Header(
            alias="Idempotency-Key",
            max_length=200,
            description="May be sent. The deed needs none: asked again within the hour, no second mail goes.",
        ),
    ] = None,
) -> NewsletterAsked:
    """A mail asks the address whether it is meant. Asking changes nothing else, however often."""
    doorkeeper.knock(request, limits.LETTERS_ASKED)
    doorkeeper.count(limits.LETTERS_FOR_EMAIL, sent.email.strip().lower())
    doorkeeper.count(limits.LETTERS)
    try:
        asking.ask(
            session,
            Asked(
                email=sent.email,
                locale=sent.locale,
                source=Source.SITE if request.headers.get("origin") else Source.API,
                page=sent.page,
                wording_version=sent.wording_version,
            ),
        )
    except AddressUnfit as refusal:
        return refused(request, refusal, locale=sent.locale)  # type: ignore[return-value]
    return NewsletterAsked(detail=translator(sent.locale).gettext(_LOOK))
