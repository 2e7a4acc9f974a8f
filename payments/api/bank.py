"""`/api/v1/bank-accounts`, `/bank-statements` and `/bank-lines`: what the bank says, and what it means.

Reading needs any staff token, the rest somebody in finance, as at the terminal. A statement is the very file
that the bank gave: it is proven, or refused in a sentence and stored not at all.
"""

from datetime import date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field, model_validator

from payments.api.paging import After, Limit, page
from payments.api.problems import documented
from payments.api.sent import Sent
from payments.api.uploads import BODY, Upload, upload_from
from payments.dependencies import DatabaseSession, staff_with
from payments.reconciliation import bank_accounts, bank_import, bank_lines, matching
from payments.reconciliation.bank_accounts import MAY_RECONCILE
from payments.reconciliation.bank_import import LARGEST_STATEMENT, Imported
from payments.reconciliation.bank_lines import Told
from payments.reconciliation.models import BankAccount, BankMatch
from payments.staff import people
from payments.staff.models import StaffMember

router = APIRouter(tags=["bank"])

Reader = Annotated[StaffMember, staff_with(*people.MAY_READ)]
Reconciler = Annotated[StaffMember, staff_with(*MAY_RECONCILE)]


class BankAccountSent(Sent):
    """An account to add."""

    id: str = Field(examples=["operating"], description="A short word of yours.")
    entity: str = Field(examples=["us"])
    currency: str = Field(examples=["usd"])
    name: str = Field(default="", examples=["Operating account"])
    number: str | None = Field(default=None, description="IBAN or account number.")
    csv_profile: dict[str, Any] | None = None


class CsvProfileSent(Sent):
    """How the account's bank writes CSV."""

    csv_profile: dict[str, Any] = Field(
        examples=[{"delimiter": ";", "encoding": "cp1252", "date": "Buchungstag", "amount": "Betrag"}]
    )


class BankAccountShown(BaseModel):
    """One account."""

    id: str
    entity: str
    name: str
    currency: str
    number: str | None
    csv_profile: dict[str, Any] | None

    @classmethod
    def of(cls, account: BankAccount) -> "BankAccountShown":
        """The account."""
        return cls(
            id=account.id,
            entity=account.entity_id,
            name=account.name,
            currency=account.currency,
            number=account.number,
            csv_profile=account.csv_profile,
        )


class BankAccountsShown(BaseModel):
    """Every account."""

    bank_accounts: list[BankAccountShown]


class StatementShown(BaseModel):
    """What became of a file."""

    id: str
    account: str
    format: str = Field(examples=["camt053"])
    sha256: str
    first_day: date
    last_day: date
    opening: int | None
    closing: int | None
    new_lines: int
    known_lines: int
    left_out: int = Field(description="Only announced by the bank, and left for the next file.")
    is_known_file: bool = Field(description="This very file was imported before; nothing is new.")
    sentence: str

    @classmethod
    def of(cls, imported: Imported) -> "StatementShown":
        """The file."""
        row = imported.statement
        return cls(
            id=row.id,
            account=row.bank_account_id,
            format=row.format,
            sha256=row.sha256,
            first_day=row.first_day,
            last_day=row.last_day,
            opening=row.opening,
            closing=row.closing,
            new_lines=imported.new_lines,
            known_lines=imported.known_lines,
            left_out=imported.left_out,
            is_known_file=imported.is_known_file,
            sentence=imported.sentence,
        )


class MatchShown(BaseModel):
    """What was said of a line."""

    id: str
    line: str
    kind: str = Field(examples=["payout"])
    subject: str | None
    reason: str
    is_undone: bool
    matched_at: datetime
    is_by_itself: bool

    @classmethod
    def of(cls, match: BankMatch) -> "MatchShown":
        """The match."""
        return cls(
            id=match.id,
            line=match.bank_line_id,
            kind=match.kind,
            subject=match.subject_id,
            reason=match.reason,
            is_undone=match.undone_at is not None,
            matched_at=match.matched_at,
            is_by_itself=match.matched_by is None,
        )


class MatchesShown(BaseModel):
    """Several where the bank booked several payouts as one line."""

    matches: list[MatchShown]


class BankLineShown(BaseModel):
    """A line of the bank. Positive is money that came in."""

    id: str
    account: str
    statement: str
    position: int
    booked_on: date
    value_on: date | None
    amount: int
    currency: str
    counterparty: str | None
    text: str
    bank_reference: str | None
    payment_reference: str | None
    matches: list[MatchShown]

    @classmethod
    def of(cls, told: Told) -> "BankLineShown":
        """The line."""
        line = told.line
        return cls(
            id=line.id,
            account=line.bank_account_id,
            statement=line.bank_statement_id,
            position=line.position,
            booked_on=line.booked_on,
            value_on=line.value_on,
            amount=line.amount,
            currency=line.currency,
            counterparty=line.counterparty,
            text=line.text,
            bank_reference=line.bank_reference,
            payment_reference=line.payment_reference,
            matches=[MatchShown.of(match) for match in told.matches],
        )


class BankLinesShown(BaseModel):
    """A page of lines, the newest first."""

    bank_lines: list[BankLineShown]
    next: str | None


class ReasonSent(Sent):
    """Why; it stands in the audit log."""

    reason: str = Field(examples=["Bank interest."])


class MatchSent(ReasonSent):
    """What a line is: payouts, a top-up, or what was booked offline."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"payouts": ["po_1Q8v…"], "reason": "Seen in the bank's app."}]}
    )

    payouts: list[str] = Field(
        default=[], max_length=20, description="One, or several that the bank booked as one line."
    )
    topup: str | None = Field(
        default=None, description="The balance transaction of the charity's own money on its way to Stripe."
    )
    offline: str | None = Field(
        default=None,
        description="A deposit slip, a gift by bank transfer, or a payment of what a failed refund owed.",
    )

    @model_validator(mode="after")
    def _one_of_the_three(self) -> "MatchSent":
        if [bool(self.payouts), self.topup is not None, self.offline is not None].count(True) != 1:
            raise ValueError("send one of `payouts`, `topup` and `offline`")
        return self


_PROBLEMS = documented(400, 401, 403, 404, 409, 413, 422, 503)


@router.get("/bank-accounts", responses=documented(401, 403, 503), summary="List the accounts")
def list_accounts(session: DatabaseSession, by: Reader) -> BankAccountsShown:
    """By their id."""
    return BankAccountsShown(
        bank_accounts=[BankAccountShown.of(account) for account in bank_accounts.everything(session)]
    )


@router.post("/bank-accounts", status_code=201, responses=_PROBLEMS, summary="Add an account")
def add_account(session: DatabaseSession, by: Reconciler, sent: BankAccountSent) -> BankAccountShown:
    """Of one of the charity's legal bodies."""
    account = bank_accounts.add(
        session,
        sent.id,
        entity_id=sent.entity,
        name=sent.name,
        currency=sent.currency.strip().lower(),
        number=sent.number,
        csv_profile=sent.csv_profile,
        by=by,
    )
    return BankAccountShown.of(account)


@router.put("/bank-accounts/{account_id}/csv-profile", responses=_PROBLEMS, summary="Say how it writes CSV")
def set_profile(
    session: DatabaseSession, by: Reconciler, account_id: str, sent: CsvProfileSent
) -> BankAccountShown:
    """For its next files."""
    return BankAccountShown.of(bank_accounts.set_profile(session, account_id, sent.csv_profile, by=by))


@router.post(
    "/bank-accounts/{account_id}/statements",
    status_code=201,
    responses=_PROBLEMS,
    max_body_size=LARGEST_STATEMENT,
    openapi_extra=BODY,
    summary="Import a statement",
)
def import_statement(
    *,
    upload: Annotated[Upload, upload_from(*MAY_RECONCILE)],
    session: DatabaseSession,
    by: Reconciler,
    account_id: str,
    first_day: Annotated[
        date | None, Query(alias="from", description="Where the file does not tell its days.")
    ] = None,
    last_day: Annotated[date | None, Query(alias="to")] = None,
    accept_gap: Annotated[
        str | None, Query(max_length=500, description="Why it is taken although it does not follow.")
    ] = None,
) -> StatementShown:
    """The file itself as the body, at most 16 MiB. The same file again is nothing new."""
    imported = bank_import.take_in(
        session,
        upload.file.read(),
        file_name=upload.name,
        account_id=account_id,
        by=by,
        first_day=first_day,
        last_day=last_day,
        gap_reason=accept_gap,
    )
    return StatementShown.of(imported)


@router.get("/bank-lines", responses=documented(401, 403, 404, 422, 503), summary="List the lines")
def list_lines(
    *,
    session: DatabaseSession,
    by: Reader,
    account: Annotated[str | None, Query(max_length=40)] = None,
    first_day: Annotated[date | None, Query(alias="from")] = None,
    last_day: Annotated[date | None, Query(alias="to")] = None,
    unsaid: Annotated[bool, Query(description="Only those of which nobody has said what they are.")] = False,
    after: After = None,
    limit: Limit = 20,
) -> BankLinesShown:
    """The newest first."""
    wanted = bank_lines.Wanted(account_id=account, first_day=first_day, last_day=last_day, is_unsaid=unsaid)
    rows, more = page(bank_lines.listed(session, wanted, limit=limit + 1, after=after), limit)
    return BankLinesShown(
        bank_lines=[BankLineShown.of(told) for told in rows], next=rows[-1].line.id if more else None
    )


@router.post("/bank-lines/{line_id}/match", responses=_PROBLEMS, summary="Say what a line is")
def match(session: DatabaseSession, by: Reconciler, line_id: str, sent: MatchSent) -> MatchesShown:
    """The amounts must be the same to the cent. A line of Stripe's is never a gift."""
    if sent.offline is not None:
        made = [matching.match_offline(session, line_id, sent.offline, by=by, reason=sent.reason)]
    elif sent.topup is not None:
        made = [matching.match_topup(session, line_id, sent.topup, by=by, reason=sent.reason)]
    else:
        made = matching.match_payouts(session, line_id, sent.payouts, by=by, reason=sent.reason)
    return MatchesShown(matches=[MatchShown.of(each) for each in made])


@router.post("/bank-lines/{line_id}/ignore", responses=_PROBLEMS, summary="Say that it is none of ours")
def ignore(session: DatabaseSession, by: Reconciler, line_id: str, sent: ReasonSent) -> MatchesShown:
    """It is the charity's other business: rent, wages, interest."""
    made = matching.ignore(session, line_id, by=by, reason=sent.reason)
    return MatchesShown(matches=[MatchShown.of(made)])


@router.post("/bank-lines/{line_id}/unmatch", responses=_PROBLEMS, summary="Undo what was said")
def unmatch(session: DatabaseSession, by: Reconciler, line_id: str, sent: ReasonSent) -> MatchesShown:
    """Whole; its entries are reversed in the open, today."""
    undone = matching.undo(session, line_id, by=by, reason=sent.reason)
    return MatchesShown(matches=[MatchShown.of(each) for each in undone])
