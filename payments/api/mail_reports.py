"""`POST /webhooks/mail/postmark`: what the mail provider says of mails it could not deliver."""

import hmac
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException
from fastapi.security import HTTPBasic, HTTPBasicCredentials
from pydantic import BaseModel, Field

from payments.api.problems import documented
from payments.dependencies import DatabaseSession
from payments.mail import postmark, reports
from payments.settings import settings

router = APIRouter(tags=["webhooks"])
_basic = HTTPBasic(realm="mail reports", auto_error=False)


class PostmarkReport(BaseModel):
    """The fields of Postmark's bounce and complaint webhooks that are read; others are ignored."""

    record_type: str = Field(alias="RecordType", examples=["Bounce"])
    id: int = Field(default=0, alias="ID", examples=[4323372036854775807])
    type: str = Field(default="", alias="Type", max_length=40, examples=["HardBounce"])
    email: str = Field(default="", alias="Email", examples=["ada@example.com"])
    metadata: dict[str, Any] = Field(
        default_factory=dict, alias="Metadata", examples=[{"mail": "rcp_01@lanternpath.example"}]
    )


def _from_postmark(given: Annotated[HTTPBasicCredentials | None, Depends(_basic)]) -> None:
    secret = settings().mail_webhook_secret.get_secret_value()
    if settings().mail_provider != "postmark":
        raise HTTPException(404, "No mail provider is set up here: see MAIL_PROVIDER.")
    if given is None or not hmac.compare_digest(given.password.encode(), secret.encode()):
        raise HTTPException(401, "The password in the webhook's address is MAIL_WEBHOOK_SECRET.")


@router.post(
    "/webhooks/mail/postmark",
    summary="Postmark's bounces and complaints",
    dependencies=[Depends(_from_postmark)],
    responses=documented(401, 404, 422),
)
def take_postmark_report(said: PostmarkReport, session: DatabaseSession) -> dict[str, bool]:
    """Answers 200 also for what says nothing of a mail of ours, or Postmark would post it again for hours."""
    report = postmark.read(
        record_type=said.record_type,
        report_id=said.id,
        bounce_type=said.type,
        to_address=said.email,
        metadata=said.metadata,
    )
    return {"noted": report is not None and reports.take_in(session, report)}
