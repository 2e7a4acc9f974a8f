# ruff: noqa: S608 - the SQL is put together from our own pieces; what is said goes in as parameters
"""What lists of gifts say, for many donors in one statement of SQL: the contents of `summary.GivingSummary`.

What is listed is read from live receipts and not from the gifts behind them, and put together where it lies:
at a year's end ten thousand statements are written as fast as the register can take them, and no gift
passes through Python on its way from a receipt into a statement.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from payments.database import array_of
from payments.donations.models import IssuingEntity, Organisation
from payments.receipts import collective, countries, drafting
from payments.receipts.content import plain_json
from payments.receipts.countries import ReceiptForbidden
from payments.receipts.summary import GivingSummary, SummaryKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Whose live receipts a list is made of, and of which days, both included.

    A list of the kind monthly has the gifts of monthly promises alone.
    """

    entity: IssuingEntity
    first: date
    last: date
    issued_on: date
    kind: SummaryKind = "annual"

    def said(self, session: Session, donor_ids: Sequence[str]) -> dict[str, Any]:
        """What `SUMMARIES` asks for, for these donors."""
        accent_colour = session.scalars(select(Organisation.accent_colour)).one()
        may = countries.authority(self.entity.jurisdiction, self.entity.statement_code)
        plain = countries.statement_for(may, self.kind)
        with_benefits = plain
        if self.kind == "annual" and "annual_with_benefits" in may.documents:
            with_benefits = countries.statement_for(may, "annual_with_benefits")
        return {
            "donors": array_of(donor_ids),
            "body": self.entity.id,
            "first": self.first,
            "last": self.last,
            "kind": self.kind,
            "issued_on": self.issued_on,
            "entity": plain_json(drafting.printed(self.entity, accent_colour=accent_colour)),
            "only_code": collective.code_of_unconfirmed(self.entity),
            "code": plain.code,
            "version": plain.version,
            "code_with_benefits": with_benefits.code,
            "version_with_benefits": with_benefits.version,
        }


def of_donors(session: Session, donor_ids: Sequence[str], stretch: Stretch) -> dict[str, GivingSummary]:
    """What each of these donors would read, before any number; whoever has no such receipt is left out."""
    if collective.code_of_unconfirmed(stretch.entity) is not None:
        raise ReceiptForbidden(
            f"A list of gifts to a body in {stretch.entity.jurisdiction} is their only confirmation: it has a"
            " number, and `almoner receipts annual` issues it."
        )
    rows = session.execute(
        text(f"{SUMMARIES} select donor_id, jsonb_build_object({SAID}) from summaries"),
        stretch.said(session, donor_ids),
    )
    return {donor_id: GivingSummary.from_json({"number": "", **said}) for donor_id, said in rows}


AMONG = "any (array(select unnest(cast(:donors as text[]))))"
"""The donors asked for. Not the array itself: the planner would weigh each of a thousand every time."""

# A fee cover has no fund name. Things are described and never valued. Who reads is who the newest receipt
# was written to, in its language, and nobody where the donor was erased. The first three lines of a gift are
# named one by one: to unnest them costs more than all the rest of it, and few gifts have more.
SUMMARIES = f"""
    with of_donor as (
        select d.donor_id, r.gift_date, r.series, r.sequence, r.kind, r.number, r.currency, r.amount,
            r.content,
            coalesce((r.content ->> 'benefit_minor')::bigint, 0) as benefit
        from receipts r
        join donations d on d.id = r.donation_id
        where d.donor_id = {AMONG} and r.entity_id = :body and r.status = 'issued'
            and r.kind <> 'thanks' and r.gift_date between :first and :last
            and (cast(:only_code as text) is null or r.content ->> 'statement_code' = :only_code)
            and (:kind = 'annual' or d.frequency = 'monthly')
    ), own as (
        select donor_id,
            jsonb_agg(jsonb_build_object(
                'gift_date', gift_date,
                'receipt_number', number,
                'fund_name', concat_ws(', ',
                    nullif(content #>> '{{lines,0,fund_name}}', ''),
                    nullif(content #>> '{{lines,1,fund_name}}', ''),
                    nullif(content #>> '{{lines,2,fund_name}}', ''),
                    case when jsonb_array_length(content -> 'lines') > 3 then (
                        select string_agg(line ->> 'fund_name', ', ' order by place)
                        from jsonb_array_elements(content -> 'lines') with ordinality lines (line, place)
                        where place > 3 and line ->> 'fund_name' <> ''
                    ) end
                ),
                'amount_minor', case kind when 'thing' then 0 else amount end,
                'currency', currency,
                'benefit_minor', benefit,
                'benefit_text', content -> 'benefit_text',
                'description', case kind when 'thing' then content -> 'description' end
            ) order by gift_date, series, sequence) as gifts,
            bool_or(benefit > 0) as has_benefits,
            (array_agg(content order by gift_date, series, sequence))[count(*)] as latest
        from of_donor group by donor_id
    ), through as (
        select d.soft_credit_donor_id as donor_id,
            jsonb_agg(jsonb_build_object(
                'gift_date', r.gift_date,
                'receipt_number', r.number,
                'payer_name', r.content -> 'donor_name',
                'amount_minor', r.amount,
                'currency', r.currency
            ) order by r.gift_date, r.series, r.sequence) as gifts
        from receipts r
        join donations d on d.id = r.donation_id
        where d.soft_credit_donor_id = {AMONG} and r.entity_id = :body
            and r.status = 'issued' and r.kind = 'thanks' and r.gift_date between :first and :last
            and :kind = 'annual'
        group by d.soft_credit_donor_id
    ), elsewhere as (
        select d.donor_id, max(d.gift_date) as until
        from donations d
        where d.donor_id = {AMONG} and d.entity_id = :body and d.channel = 'adopted'
            and d.gift_date between :first and :last and (:kind = 'annual' or d.frequency = 'monthly')
        group by d.donor_id
    ), summaries as (
        select own.donor_id, own.gifts, own.has_benefits, own.latest, through.gifts as others,
            elsewhere.until as elsewhere_until, d.erased_at, d.name as erased_name
        from own join donors d on d.id = own.donor_id
        left join through on through.donor_id = own.donor_id
        left join elsewhere on elsewhere.donor_id = own.donor_id
    )
"""

SAID = """
    'kind', cast(:kind as text),
    'issued_on', cast(:issued_on as date),
    'period_from', cast(:first as date),
    'period_until', cast(:last as date),
    'locale', latest -> 'locale',
    'donor_name', case when erased_at is null then latest -> 'donor_name' else to_jsonb(erased_name) end,
    'donor_address',
        case when erased_at is null then coalesce(latest -> 'donor_address', '[]') else '[]' end,
    'gifts', gifts,
    'through_others', coalesce(others, '[]'),
    'elsewhere_until', elsewhere_until,
    'entity', cast(:entity as jsonb),
    'statement_code',
        case when has_benefits then cast(:code_with_benefits as text) else cast(:code as text) end,
    'statement_version',
        case when has_benefits then cast(:version_with_benefits as int) else cast(:version as int) end
"""
"""One of the `SUMMARIES`, as the members of an object of JSON."""
