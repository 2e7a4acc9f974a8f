# ruff: noqa: S608 - the SQL is put together from our own pieces; what is said goes in as parameters
"""The book of annual statements: a statement gets its number, its page, and the letter that carries it.

Under one lock a body and year, so that no receipt is made void between our look at it and the statement
that lists it (`hold`); and under the counter's lock the numbers are given, one behind the other, to rows
that are written in the same statement.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Row, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from payments.clock import day_in, now
from payments.database import array_of, new_id, text_with
from payments.donations.models import IssuingEntity
from payments.errors import AlmonerError
from payments.mail import outbox
from payments.receipts import collective, numbering, statement_letter, verification
from payments.receipts.listing import AMONG, SAID, SUMMARIES, Stretch
from payments.receipts.models import StatementDocument
from payments.receipts.render import render_pdf
from payments.receipts.summary import GivingSummary
from payments.settings import settings


class RegisterMoved(AlmonerError):
    """Somebody to be numbered has nothing to list any more; nothing was written, so no number is lost."""

    def __init__(self) -> None:
        super().__init__("The register changed while statements were numbered. Run it again.")


def hold(session: Session, entity_id: str, year: int) -> None:
    """Until this transaction ends nobody else numbers statements of this body and year, and none of its
    receipts is made void."""
    session.execute(select(func.pg_advisory_xact_lock(_key_of(entity_id, year))))


def hold_off(session: Session, receipt_ids: Sequence[str]) -> None:
    """Until this transaction ends no statement is numbered that could list these receipts."""
    session.execute(_HOLD_OFF, {"receipts": receipt_ids})


def _key_of(entity_id: str, year: int) -> Any:
    return func.hashtextextended(f"annual:{entity_id}:{year}", 0)


_HOLD_OFF = text_with(
    """
    select pg_advisory_xact_lock_shared(hashtextextended('annual:' || entity_id || ':' || tax_year, 0))
    from (
        select distinct entity_id, tax_year from receipts where id = any (:receipts)
        order by entity_id, tax_year
    ) books
""",
    "receipts",
)


def number(session: Session, entity: IssuingEntity, year: int, donor_ids: Sequence[str]) -> list[str]:
    """Number the statements of these donors, each of whom has live receipts of the year; their ids.

    One that was void before is cited. The caller holds the book (`hold`).
    """
    issued_at = now()
    issued_on = day_in(entity.time_zone, issued_at)
    series = f"{entity.receipt_series}-A"
    first = numbering.take(session, series, year, count=len(donor_ids))
    ids = [new_id("gst") for _ in donor_ids]
    numbers = [f"{series}-{year}-{sequence:06}" for sequence in range(first, first + len(donor_ids))]
    codes = [
        verification.code_for(given, issued_on=issued_on.isoformat(), tax_id=entity.tax_id)
        for given in numbers
    ]
    urls = map(verification.address_for, numbers, codes)
    stretch = Stretch(entity=entity, first=date(year, 1, 1), last=date(year, 12, 31), issued_on=issued_on)
    given = {
        "ids": array_of(ids),
        "numbers": array_of(numbers),
        "codes": array_of(codes),
        "urls": array_of(urls),
        "first_number": first,
        "series": series,
        "year": year,
        "issued_at": issued_at,
    }
    written = session.execute(_NUMBER, stretch.said(session, donor_ids) | given).scalar_one()
    if written != len(donor_ids):
        raise RegisterMoved
    collective.confirm(session, entity, ids)
    return ids


_NUMBER = text(f"""
    {SUMMARIES}, given as (
        select * from unnest(
            cast(:donors as text[]), cast(:ids as text[]), cast(:numbers as text[]), cast(:codes as text[]),
            cast(:urls as text[])
        ) with ordinality given (donor_id, id, number, code, url, place)
    ), gone as (
        select distinct on (donor_id) donor_id, id, number from giving_statements g
        where donor_id = {AMONG} and entity_id = :body and tax_year = :year
            and status = 'void'
            -- Where two donors were one for a while, the other one's may cite it.
            and not exists (select from giving_statements f where f.replaces_id = g.id)
        -- One that came with a merge is cited last: when that is taken back, it is another's again.
        order by donor_id, exists (
            select from donor_merge_rows r where r.what = 'statement' and r.row_id = g.id
        ), sequence desc
    ), written as (
        insert into giving_statements (id, entity_id, donor_id, replaces_id, series, tax_year, sequence,
            number, issued_at, content)
        select given.id, :body, donor_id, gone.id, :series, :year, :first_number + given.place - 1,
            given.number, :issued_at,
            cast(jsonb_build_object(
                'number', given.number, 'replaces_number', gone.number,
                'verification_code', given.code, 'verification_url', given.url, {SAID}
            ) as jsonb)
        from summaries
        join given using (donor_id)
        left join gone using (donor_id)
        returning 1
    )
    select count(*) from written
""")


def draw(session: Session, statement_id: str, summary: GivingSummary) -> bytes:
    """Set the page and keep it; another run may have drawn it meanwhile, and the first one stays."""
    page = render_pdf(summary)
    written = insert(StatementDocument).values(
        statement_id=statement_id,
        pdf=page.pdf,
        pdf_sha256=page.pdf_sha256,
        is_plain_pdf=page.is_plain_pdf,
        template_sha256=page.template_sha256,
    )
    session.execute(written.on_conflict_do_nothing())
    return page.pdf


def owe_letter(session: Session, statement: Row[Any], *, pdf: bytes, delay: timedelta = timedelta()) -> None:
    """Put the letter of a statement (`id`, `issued_at`, `content`, `email`) into the outbox."""
    issued_at: datetime = statement.issued_at
    message_id = outbox.message_id(statement.id)
    message = statement_letter.compose(
        GivingSummary.from_json(statement.content),
        to_address=statement.email,
        from_address=settings().mail_from,
        message_id=message_id,
        dated=issued_at,
        pdf=pdf,
        donate_url=f"{settings().public_base_url}/donate",
        gifts_url=f"{settings().public_base_url}/giving",
    )
    outbox.put(
        session,
        reference=f"statement:{statement.id}",
        to_address=statement.email,
        message_id=message_id,
        message=message,
        delay=delay,
    )
