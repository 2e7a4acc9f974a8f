"""Create the ledger and the mirror of Stripe's balance transactions.

Why: the database itself keeps the book's laws. Nothing is rewritten; an entry has at least one move; and a
move written later than its entry is refused, so a balanced late posting cannot slip into an old entry.

Revision: 2026_11_24_2125
Follows: 2026_11_24_2120
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.types import UserDefinedType

revision = "2026_11_24_2125"
down_revision = "2026_11_24_2120"
branch_labels = None
depends_on = None


class TransactionId(UserDefinedType):
    """`xid8`, which SQLAlchemy does not know."""

    cache_ok = True

    def get_col_spec(self, **_):
        return "xid8"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.create_table(
        "balance_transactions",
        sa.Column("stripe_balance_transaction_id", sa.Text(), nullable=False),
        sa.Column("reporting_category", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("source_id", sa.Text(), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("fee", sa.BigInteger(), nullable=False),
        sa.Column("net", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("exchange_rate", sa.Numeric(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("available_on", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("net = amount - fee", name=op.f("ck_balance_transactions_net_is_amount_less_fee")),
        sa.PrimaryKeyConstraint("stripe_balance_transaction_id", name=op.f("pk_balance_transactions")),
    )
    op.create_index(
        "ix_balance_transactions_created_at", "balance_transactions", ["created_at"], unique=False
    )
    op.create_index("ix_balance_transactions_source_id", "balance_transactions", ["source_id"], unique=False)
    op.create_table(
        "journal_entries",
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("entity_id", sa.Text(), nullable=False),
        sa.Column("donation_id", sa.Text(), nullable=True),
        sa.Column("effective_on", sa.Date(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("posted_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column(
            "posted_in",
            TransactionId(),
            server_default=sa.text("pg_current_xact_id()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["donation_id"], ["donations.id"], name=op.f("fk_journal_entries_donation_id_donations")
        ),
        sa.ForeignKeyConstraint(
            ["entity_id"], ["issuing_entities.id"], name=op.f("fk_journal_entries_entity_id_issuing_entities")
        ),
        sa.PrimaryKeyConstraint("reference", name=op.f("pk_journal_entries")),
        sa.UniqueConstraint("number", name=op.f("uq_journal_entries_number")),
    )
    op.create_index("ix_journal_entries_donation_id", "journal_entries", ["donation_id"], unique=False)
    op.create_index(
        "ix_journal_entries_effective_on", "journal_entries", ["entity_id", "effective_on"], unique=False
    )
    op.create_table(
        "journal_moves",
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("from_account", sa.Text(), nullable=False),
        sa.Column("to_account", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("fund_id", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "from_account in ('stripe_balance', 'payouts_in_transit', 'bank', 'undeposited_funds', 'disputed_funds', 'stripe_reserve', 'suspense_unclassified', 'contributions', 'contributions_fee_cover', 'contribution_refunds', 'chargebacks', 'fx_gain_loss', 'processing_fees', 'dispute_fees', 'stripe_service_fees', 'refunds_payable')",
            name=op.f("ck_journal_moves_from_account_known"),
        ),
        sa.CheckConstraint(
            "to_account in ('stripe_balance', 'payouts_in_transit', 'bank', 'undeposited_funds', 'disputed_funds', 'stripe_reserve', 'suspense_unclassified', 'contributions', 'contributions_fee_cover', 'contribution_refunds', 'chargebacks', 'fx_gain_loss', 'processing_fees', 'dispute_fees', 'stripe_service_fees', 'refunds_payable')",
            name=op.f("ck_journal_moves_to_account_known"),
        ),
        sa.CheckConstraint("amount > 0", name=op.f("ck_journal_moves_amount_positive")),
        sa.CheckConstraint("from_account <> to_account", name=op.f("ck_journal_moves_goes_somewhere")),
        sa.ForeignKeyConstraint(["fund_id"], ["funds.id"], name=op.f("fk_journal_moves_fund_id_funds")),
        sa.ForeignKeyConstraint(
            ["reference"],
            ["journal_entries.reference"],
            name=op.f("fk_journal_moves_reference_journal_entries"),
        ),
        sa.PrimaryKeyConstraint("reference", "position", name=op.f("pk_journal_moves")),
    )
    op.execute(
        "CREATE TRIGGER balance_transactions_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON balance_transactions "
        "FOR EACH STATEMENT EXECUTE FUNCTION almoner_refuse_rewrite()"
    )
    op.execute(
        "CREATE TRIGGER journal_entries_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON journal_entries "
        "FOR EACH STATEMENT EXECUTE FUNCTION almoner_refuse_rewrite()"
    )
    op.execute(
        "CREATE TRIGGER journal_moves_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON journal_moves "
        "FOR EACH STATEMENT EXECUTE FUNCTION almoner_refuse_rewrite()"
    )
    op.execute("""
        CREATE FUNCTION almoner_moves_belong_to_their_entry() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF EXISTS (
                SELECT FROM written JOIN journal_entries USING (reference)
                WHERE posted_in <> pg_current_xact_id()
            ) THEN
                RAISE EXCEPTION 'a move was added to an entry that is already sealed'
                    USING ERRCODE = 'restrict_violation',
                    HINT = 'Post a new entry; what stands in the book is never completed afterwards.';
            END IF;
            RETURN NULL;
        END $$
    """)
    op.execute(
        "CREATE TRIGGER journal_moves_sealed AFTER INSERT ON journal_moves REFERENCING NEW TABLE AS written "
        "FOR EACH STATEMENT EXECUTE FUNCTION almoner_moves_belong_to_their_entry()"
    )
    op.execute("""
        CREATE FUNCTION almoner_entry_has_moves() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF NOT EXISTS (SELECT FROM journal_moves WHERE reference = NEW.reference) THEN
                RAISE EXCEPTION 'journal entry % has no moves', NEW.reference
                    USING ERRCODE = 'check_violation';
            END IF;
            RETURN NULL;
        END $$
    """)
    op.execute(
        "CREATE CONSTRAINT TRIGGER journal_entries_have_moves AFTER INSERT ON journal_entries "
        "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION almoner_entry_has_moves()"
    )
    op.execute("GRANT SELECT, INSERT ON balance_transactions TO almoner_app")
    op.execute("GRANT SELECT, INSERT ON journal_entries TO almoner_app")
    op.execute("GRANT SELECT, INSERT ON journal_moves TO almoner_app")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.drop_table("journal_moves")
    op.drop_table("journal_entries")
    op.drop_table("balance_transactions")
    op.execute("DROP FUNCTION almoner_entry_has_moves()")
    op.execute("DROP FUNCTION almoner_moves_belong_to_their_entry()")
