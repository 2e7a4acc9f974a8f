# ruff: noqa: S608 - nothing here comes from outside
"""What may be wrong with what was claimed from HMRC. The tests' book has no British gift: each brings one."""

from tests.verify.victims import PLAIN_DONATION, Corruption


def _claimed(
    *, total: str = "d.amount", sha: str = "encode(sha256('x'), 'hex')", currency: str = "gbp"
) -> str:
    """A claim of a gift of the book, as nothing of ours would write it."""
    return f"""
        update donations set currency = '{currency}' where id = {PLAIN_DONATION};
        with gift as (
            select d.*, (select min(id) from staff_members) as staff from donations d
            where id = {PLAIN_DONATION}
        ), declared as (
            insert into gift_aid_declarations (id, entity_id, donor_id, first_name, last_name, house,
                postcode, wording_code, wording_version, wording_shown, covers_past, covers_future,
                channel, given_on)
            select 'gad_x', d.entity_id, d.donor_id, 'A', 'B', '1', 'X', 'future', 1, '', false, true,
                'online', d.gift_date from gift d
        ), claimed as (
            insert into gift_aid_claims (id, entity_id, number, until, made_by, line_count, earliest, total,
                ods, csv, ods_sha256, csv_sha256)
            select 'gac_x', d.entity_id, 1, d.gift_date, d.staff, 1, d.gift_date, {total}, 'x', 'x', {sha},
                encode(sha256('x'), 'hex') from gift d
        )
        insert into gift_aid_lines (donation_id, claim_id, item, declaration_id, amount)
        select d.id, 'gac_x', 1, 'gad_x', d.amount from gift d returning claim_id
    """


CORRUPTIONS = [
    Corruption("a claim says more than its gifts", "gift_aid_claim_differs", _claimed(total="d.amount + 1")),
    Corruption("the file of a claim is replaced", "gift_aid_claim_differs", _claimed(sha="'other'")),
    Corruption("a gift in dollars is claimed", "gift_aid_not_due", _claimed(currency="usd")),
]
