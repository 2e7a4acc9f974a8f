"""What a law keeps of a donor who asked to be erased: which rows, until when, by which rule."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.privacy.belongings import Belongings
from payments.privacy.models import ErasureHold
from payments.privacy.retention import Kept, Rule, rule_for


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A row, and what keeps it."""

    table: str
    row_id: str
    until: date
    rule: Rule


def of(session: Session, mine: Belongings, *, names: Sequence[str]) -> list[Held]:
    """Every row that is kept; one that two rules keep stands once, by the longer."""
    asked = mine.asked | {"names": list(names)}
    found: dict[tuple[str, str], Held] = {}
    for kept, question in _QUESTIONS:
        for row in session.execute(text(question), asked):
            for held in _rows(kept, row.tables, row.id, jurisdiction=row.jurisdiction, year=int(row.year)):
                known = found.get((held.table, held.row_id))
                if known is None or known.until < held.until:
                    found[held.table, held.row_id] = held
    return list(found.values())


def write(session: Session, erasure_id: str, held: Sequence[Held]) -> None:
    """Note them; the database refuses to erase such a row before its day."""
    session.add_all(
        ErasureHold(
            erasure_id=erasure_id,
            table_name=each.table,
            row_id=each.row_id,
            until=each.until,
            rule=each.rule.code,
        )
        for each in held
    )
    session.flush()


def _rows(kept: Kept, tables: str, row_id: str, *, jurisdiction: str, year: int) -> Iterator[Held]:
    rule = rule_for(jurisdiction, kept)
    for table in tables.split():
        yield Held(table=table, row_id=row_id, until=rule.until(year), rule=rule)


# A receipt that thanks the donor beside its payer has the donor's name too, and so has the statement of
# whoever is thanked for the donor's gift. A name on a bank's line may be somebody else's of the same name:
# that line then goes with the others when its own time is over. The bank's file is searched as its bytes.
_QUESTIONS: tuple[tuple[Kept, str], ...] = (
    (
        "receipts",
        """
        select 'receipts receipt_documents' as tables, r.id, e.jurisdiction, r.tax_year as year
        from receipts r join donations d on d.id = r.donation_id
        join issuing_entities e on e.id = r.entity_id
        where :donor in (d.donor_id, d.soft_credit_donor_id)
        union all
        select 'giving_statements statement_documents', s.id, e.jurisdiction, s.tax_year
        from giving_statements s join issuing_entities e on e.id = s.entity_id
        where s.donor_id = :donor or s.donor_id in (
            select soft_credit_donor_id from donations where donor_id = :donor)
        """,
    ),
    (
        "gift_aid",
        """
        with relied as (
            select l.declaration_id, l.claim_id, c.entity_id, extract(year from c.made_at) as year
            from gift_aid_lines l join gift_aid_claims c on c.id = l.claim_id
            join gift_aid_declarations a on a.id = l.declaration_id
            where a.donor_id = :donor
        )
        select 'gift_aid_declarations' as tables, r.declaration_id as id, e.jurisdiction, max(r.year) as year
        from relied r join issuing_entities e on e.id = r.entity_id
        group by r.declaration_id, e.jurisdiction
        union all
        select distinct 'gift_aid_claims', r.claim_id, e.jurisdiction, r.year
        from relied r join issuing_entities e on e.id = r.entity_id
        """,
    ),
    (
        "bank",
        """
        with naming as (
            select l.* from bank_lines l
            where exists (
                select from unnest(cast(:names as text[]) || cast(:emails as text[])) said (name)
                where strpos(lower(concat_ws(' ', l.counterparty, l.text, l.payment_reference)),
                    lower(said.name)) > 0
            ) or l.id in (select bank_line_id from bank_matches where subject_id = any (:donations))
        ), files as (
            select s.* from bank_statements s
            where s.id in (select bank_statement_id from naming) or exists (
                select from unnest(cast(:names as text[]) || cast(:emails as text[])) said (name)
                where strpos(lower(encode(s.file, 'escape')),
                    lower(encode(convert_to(said.name, 'UTF8'), 'escape'))) > 0
            )
        )
        select 'bank_lines' as tables, n.id, e.jurisdiction, extract(year from n.booked_on) as year
        from naming n join bank_accounts a on a.id = n.bank_account_id
        join issuing_entities e on e.id = a.entity_id
        union all
        select 'bank_statements', f.id, e.jurisdiction, extract(year from f.last_day)
        from files f join bank_accounts a on a.id = f.bank_account_id
        join issuing_entities e on e.id = a.entity_id
        """,
    ),
)
