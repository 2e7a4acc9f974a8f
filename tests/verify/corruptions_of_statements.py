# ruff: noqa: S608 - nothing here comes from outside
"""What may happen to annual statements behind the program's back. Each names the check that must find it."""

from tests.verify.victims import OTHER_STATEMENT, RECEIPT, STATEMENT, VOID_STATEMENT, Corruption

CORRUPTIONS = [
    Corruption(
        "a statement lists a void receipt",
        "statement_lists_void_receipt",
        "alter table receipts drop constraint ck_receipts_void_has_reason;"
        f"update receipts set status = 'void' where number = (select content -> 'gifts' -> 0 ->>"
        f" 'receipt_number' from giving_statements where id = {STATEMENT}) returning id",
    ),
    Corruption(
        "a void statement counts again",
        "statement_lists_void_receipt",
        "drop index uq_giving_statements_live_donor_id;"
        "update giving_statements set status = 'issued', void_cause = null, void_reason = null,"
        f" voided_at = null where id = {VOID_STATEMENT} returning id",
    ),
    Corruption(
        "a statement lists more than a receipt says",
        "statement_differs_from_register",
        "update giving_statements set content = jsonb_set(content, '{gifts,0,amount_minor}', '999999')"
        f" where id = {STATEMENT} returning id",
    ),
    Corruption(
        "a statement takes off what no donor got",
        "statement_differs_from_register",
        "update giving_statements set content = jsonb_set(content, '{gifts,0,benefit_minor}', '100')"
        f" where id = {STATEMENT} returning id",
    ),
    Corruption(
        "a statement lists a gift twice",
        "statement_differs_from_register",
        "update giving_statements set content = jsonb_insert(content, '{gifts,0}', content -> 'gifts' -> 0)"
        f" where id = {STATEMENT} returning id",
    ),
    Corruption(
        "a statement is given to another donor",
        "statement_differs_from_register",
        "drop index uq_giving_statements_live_donor_id; update giving_statements set donor_id ="
        f" (select donor_id from giving_statements where id = {OTHER_STATEMENT}) where id = {STATEMENT}"
        " returning id",
    ),
    Corruption(
        "a statement lists a receipt that nobody issued",
        "statement_differs_from_register",
        "update giving_statements set content ="
        " jsonb_set(content, '{gifts,0,receipt_number}', '\"US-2026-999999\"')"
        f" where id = {STATEMENT} returning id",
    ),
    Corruption(
        "a collective confirmation binds none of its gifts",
        "collective_line_differs",
        "update giving_statements set content ="
        " jsonb_set(content, '{statement_code}', '\"de_sammelbestaetigung\"')"
        f" where id = {STATEMENT} returning id",
    ),
    Corruption(
        "a gift is bound to a confirmation that does not list it",
        "collective_line_differs",
        "insert into statement_lines (statement_id, donation_id, receipt_id)"
        f" select {VOID_STATEMENT}, donation_id, id from receipts where id = {RECEIPT} returning donation_id",
    ),
    Corruption(
        "a statement replaces one that counts",
        "statement_replaces_wrongly",
        f"update giving_statements set replaces_id = {OTHER_STATEMENT} where id = {STATEMENT} returning id",
    ),
    Corruption(
        "a statement does not say which one it replaces",
        "statement_replaces_wrongly",
        "update giving_statements set content = jsonb_set(content, '{replaces_number}', 'null')"
        " where replaces_id is not null returning id",
    ),
    Corruption(
        "nobody is told that a statement is void",
        "donor_not_told_of_void_statement",
        "delete from outgoing_mails where reference in (select 'void:' || id from giving_statements)",
    ),
    Corruption(
        "nobody is sent the statement in the place of another",
        "donor_not_told_of_void_statement",
        "delete from outgoing_mails where reference in"
        " (select 'statement:' || id from giving_statements where replaces_id is not null)",
    ),
    Corruption(
        "the page of a statement is replaced",
        "statement_document_changed",
        f"update statement_documents set pdf = pdf || '\\x00' where statement_id = {STATEMENT}"
        " returning statement_id",
    ),
    Corruption(
        "the page of a statement is lost",
        "statement_document_changed",
        f"delete from statement_documents where statement_id = {STATEMENT} returning statement_id",
    ),
]
