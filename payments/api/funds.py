"""`/api/v1/funds`: what a gift may be for, and how much."""

from fastapi import APIRouter
from pydantic import BaseModel, Field

from payments.api.problems import documented
from payments.dependencies import DatabaseSession
from payments.donations import organisation

router = APIRouter(prefix="/funds", tags=["funds"])


class FundShown(BaseModel):
    """One open fund; its texts by language."""

    id: str = Field(examples=["rescue"])
    name: dict[str, str] = Field(examples=[{"en": "Rescue and resettlement", "ko": "구출과 정착"}])
    description: dict[str, str]
    is_restricted: bool


class TermsShown(BaseModel):
    """What may be given in one currency; minor units."""

    currency: str = Field(examples=["usd"])
    minimum: int = Field(examples=[100])
    maximum: int = Field(examples=[5_000_000])
    suggested: list[int] = Field(examples=[[2500, 5000]])
    monthly_suggested: list[int] | None = Field(
        examples=[[1500, 2500]], description="The same for each month; null where one gives once only."
    )


class FundsShown(BaseModel):
    """The funds in the charity's order, and the terms of each currency."""

    funds: list[FundShown]
    terms: list[TermsShown]


@router.get("", responses=documented(503), summary="List the open funds")
def list_funds(session: DatabaseSession) -> FundsShown:
    """Everything a page needs to offer a gift."""
    return FundsShown(
        funds=[
            FundShown(
                id=fund.id, name=fund.name, description=fund.description, is_restricted=fund.is_restricted
            )
            for fund in organisation.open_funds(session)
        ],
        terms=[
            TermsShown(
                currency=row.currency,
                minimum=row.minimum,
                maximum=row.maximum,
                suggested=row.suggested,
                monthly_suggested=row.monthly_suggested,
            )
            for row in organisation.giving_terms(session)
        ],
    )
