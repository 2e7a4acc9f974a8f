# ruff: noqa: S608 - nothing here comes from outside
"""What may be wrong with an erasure. The tests' book has nobody who was erased: each brings somebody."""

from tests.verify.victims import PLAIN_DONATION, Corruption

_DONOR = f"(select donor_id from donations where id = {PLAIN_DONATION})"
_PROOF = '{"journal": {"sha256_before": "a", "sha256_after": "a"}}'


def _erased(proof: str = _PROOF) -> str:
    """Somebody who is said to be erased."""
    return f"""
        insert into erasures (id, donor_id, erased_by, reason, proof)
        select 'ers_x', {_DONOR}, min(id), 'asked', '{proof}' from staff_members;
        update donors set erased_at = now() where id = {_DONOR};
    """


_FORGOTTEN = f"""
    {_erased()}
    update donors set email = id || '@erased.invalid', name = '[erased]' where id = {_DONOR};
    update donations set donor_name = '[erased]', dedication_name = null where donor_id = {_DONOR};
    update charges set last4 = null where donation_id in (select id from donations where donor_id = {_DONOR});
    insert into erasure_holds (erasure_id, table_name, row_id, until, rule)
    select 'ers_x', t.name, r.id, current_date + 1, 'us-records'
    from receipts r join donations d on d.id = r.donation_id
    cross join (values ('receipts'), ('receipt_documents')) t (name) where d.donor_id = {_DONOR};
    insert into erasure_holds (erasure_id, table_name, row_id, until, rule)
    select 'ers_x', t.name, s.id, current_date + 1, 'us-records' from giving_statements s
    cross join (values ('giving_statements'), ('statement_documents')) t (name) where s.donor_id = {_DONOR};
"""

CORRUPTIONS = [
    Corruption(
        "somebody is said to be erased and has a name", "erased_donor_known", f"{_erased()} select {_DONOR}"
    ),
    *(
        Corruption(what, "erased_donor_known", f"{_FORGOTTEN} {deed}")
        for what, deed in {
            "an erased donor's gift is named again": f"update donations set donor_name = 'Ada'"
            f" where id = {PLAIN_DONATION} returning id",
            "a card of an erased donor is known again": "update charges set last4 = '4242',"
            f" charged_at = now() - interval '1 hour' where donation_id = {PLAIN_DONATION}"
            " returning stripe_charge_id",
            "an erased donor has an address again": "insert into donor_addresses (donor_id, lines, postcode,"
            f" country) values ({_DONOR}, '{{1 High Street}}', 'X', 'CA') returning donor_id",
            "a hold of an erased donor's receipt is taken away": "update erasure_holds set"
            " released_at = now() where table_name = 'receipts' returning row_id",
            "a letter is written to an erased donor": "update outgoing_mails set"
            " to_address = 'dnr_x@erased.invalid' where id = (select max(id) from outgoing_mails"
            " where message <> '') returning id",
            "an event of an erased donor is stored as it came": "insert into erased_stripe_ids"
            " select object_id, 'ers_x' from stripe_events where object_id is not null limit 1;"
            " select stripe_event_id from stripe_events where object_id in"
            " (select stripe_id from erased_stripe_ids)",
            "an event of an erased donor has an address again": "insert into erased_rows (erasure_id,"
            " table_name, row_id) select 'ers_x', 'stripe_events', max(stripe_event_id) from stripe_events;"
            ' update stripe_events set body = \'{"email": "a@b.example"}\' where stripe_event_id ='
            " (select max(stripe_event_id) from stripe_events) returning stripe_event_id",
        }.items()
    ),
    Corruption(
        "a receipt that is held is erased",
        "erasure_hold_broken",
        f"{_FORGOTTEN} insert into erased_rows (erasure_id, table_name, row_id)"
        " select 'ers_x', table_name, row_id from erasure_holds returning row_id",
    ),
    Corruption(
        "a hold is over and its row is still there",
        "erasure_hold_broken",
        f"{_FORGOTTEN} update erasure_holds set until = current_date - 9 returning row_id",
    ),
    Corruption(
        "a donor is erased without a proof",
        "erasure_without_proof",
        f"update donors set erased_at = now() where id = {_DONOR} returning id",
    ),
    Corruption(
        "the journal was another after an erasure",
        "erasure_without_proof",
        _erased(_PROOF.replace('"a"}', '"b"}')) + f" select {_DONOR}",
    ),
]
