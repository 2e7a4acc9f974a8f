"""Create Gift Aid.

Why: a British charity claims tax back on what its donors declared. A declaration is kept for as long as a
claim relies on it, each gift is claimed once, and a claim is what was handed to HMRC.

Revision: 2026_11_25_0435
Follows: 2026_11_25_0426
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_25_0435"
down_revision = "2026_11_25_0426"
branch_labels = None
depends_on = None

_CLAIMS = ("gift_aid_claims", "gift_aid_lines", "gift_aid_corrections")


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    _declarations()
    _claims()
    for table in _CLAIMS:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION almoner_refuse_rewrite()"
        )
        op.execute(f"GRANT SELECT, INSERT ON {table} TO almoner_app")


def _declarations() -> None:
    op.create_table(
        "gift_aid_declarations",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("entity_id", sa.Text(), nullable=False),
        sa.Column("donor_id", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=True),
        sa.Column("first_name", sa.Text(), nullable=False),
        sa.Column("last_name", sa.Text(), nullable=False),
        sa.Column("house", sa.Text(), nullable=False),
        sa.Column("postcode", sa.Text(), nullable=False),
        sa.Column("wording_code", sa.Text(), nullable=False),
        sa.Column("wording_version", sa.Integer(), nullable=False),
        sa.Column("wording_shown", sa.Text(), nullable=False),
        sa.Column("donation_id", sa.Text(), nullable=True),
        sa.Column("covers_past", sa.Boolean(), nullable=False),
        sa.Column("covers_future", sa.Boolean(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("given_on", sa.Date(), nullable=False),
        sa.Column("noted_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("noted_by", sa.Text(), nullable=True),
        sa.Column("record_sent_on", sa.Date(), nullable=True),
        sa.Column("cancelled_on", sa.Date(), nullable=True),
        sa.Column("cancelled_because", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "channel in ('online', 'written', 'oral')", name=op.f("ck_gift_aid_declarations_channel_known")
        ),
        sa.CheckConstraint(
            "covers_past or covers_future or donation_id is not null",
            name=op.f("ck_gift_aid_declarations_covers_something"),
        ),
        sa.CheckConstraint(
            "record_sent_on is null or channel = 'oral'",
            name=op.f("ck_gift_aid_declarations_record_of_the_spoken"),
        ),
        sa.CheckConstraint(
            "(cancelled_on is null) = (cancelled_because is null)",
            name=op.f("ck_gift_aid_declarations_cancelled_with_a_reason"),
        ),
        sa.ForeignKeyConstraint(
            ["entity_id"],
            ["issuing_entities.id"],
            name=op.f("fk_gift_aid_declarations_entity_id_issuing_entities"),
        ),
        sa.ForeignKeyConstraint(
            ["donor_id"], ["donors.id"], name=op.f("fk_gift_aid_declarations_donor_id_donors")
        ),
        sa.ForeignKeyConstraint(
            ["donation_id"], ["donations.id"], name=op.f("fk_gift_aid_declarations_donation_id_donations")
        ),
        sa.ForeignKeyConstraint(
            ["noted_by"], ["staff_members.id"], name=op.f("fk_gift_aid_declarations_noted_by_staff_members")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gift_aid_declarations")),
    )
    op.create_index("ix_gift_aid_declarations_donor_id", "gift_aid_declarations", ["donor_id"])
    op.execute("""
        CREATE FUNCTION almoner_gift_aid_declarations_stand() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE
            once text[] := '{record_sent_on,cancelled_on,cancelled_because}';
        BEGIN
            IF to_jsonb(NEW) - once <> to_jsonb(OLD) - once
                OR OLD.record_sent_on IS NOT NULL AND NEW.record_sent_on IS DISTINCT FROM OLD.record_sent_on
                OR OLD.cancelled_on IS NOT NULL AND (NEW.cancelled_on, NEW.cancelled_because)
                    IS DISTINCT FROM (OLD.cancelled_on, OLD.cancelled_because)
            THEN
                RAISE EXCEPTION 'declaration % stands as it was given', OLD.id
                    USING ERRCODE = 'restrict_violation', HINT = 'Cancel it and take another.';
            END IF;
            RETURN NEW;
        END $$
    """)
    op.execute(
        "CREATE TRIGGER gift_aid_declarations_stand BEFORE UPDATE ON gift_aid_declarations "
        "FOR EACH ROW EXECUTE FUNCTION almoner_gift_aid_declarations_stand()"
    )
    op.execute(
        "CREATE TRIGGER gift_aid_declarations_append_only BEFORE DELETE OR TRUNCATE ON gift_aid_declarations "
        "FOR EACH STATEMENT EXECUTE FUNCTION almoner_refuse_rewrite()"
    )
    op.execute(
        "GRANT SELECT, INSERT, UPDATE (record_sent_on, cancelled_on, cancelled_because) "
        "ON gift_aid_declarations TO almoner_app"
    )


def _claims() -> None:
    op.create_table(
        "gift_aid_claims",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("entity_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("until", sa.Date(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("line_count", sa.Integer(), nullable=False),
        sa.Column("earliest", sa.Date(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("over_claimed", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("ods", sa.LargeBinary(), nullable=False),
        sa.Column("csv", sa.LargeBinary(), nullable=False),
        sa.Column("ods_sha256", sa.Text(), nullable=False),
        sa.Column("csv_sha256", sa.Text(), nullable=False),
        sa.CheckConstraint("line_count between 1 and 1000", name=op.f("ck_gift_aid_claims_fits_a_schedule")),
        sa.ForeignKeyConstraint(
            ["entity_id"], ["issuing_entities.id"], name=op.f("fk_gift_aid_claims_entity_id_issuing_entities")
        ),
        sa.ForeignKeyConstraint(
            ["made_by"], ["staff_members.id"], name=op.f("fk_gift_aid_claims_made_by_staff_members")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gift_aid_claims")),
        sa.UniqueConstraint("entity_id", "number", name=op.f("uq_gift_aid_claims_entity_id_number")),
    )
    op.create_table(
        "gift_aid_lines",
        sa.Column("donation_id", sa.Text(), nullable=False),
        sa.Column("claim_id", sa.Text(), nullable=False),
        sa.Column("item", sa.Integer(), nullable=False),
        sa.Column("declaration_id", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount > 0", name=op.f("ck_gift_aid_lines_amount_positive")),
        sa.ForeignKeyConstraint(
            ["donation_id"], ["donations.id"], name=op.f("fk_gift_aid_lines_donation_id_donations")
        ),
        sa.ForeignKeyConstraint(
            ["claim_id"], ["gift_aid_claims.id"], name=op.f("fk_gift_aid_lines_claim_id_gift_aid_claims")
        ),
        sa.ForeignKeyConstraint(
            ["declaration_id"],
            ["gift_aid_declarations.id"],
            name=op.f("fk_gift_aid_lines_declaration_id_gift_aid_declarations"),
        ),
        sa.PrimaryKeyConstraint("donation_id", name=op.f("pk_gift_aid_lines")),
    )
    op.create_index("ix_gift_aid_lines_claim_id", "gift_aid_lines", ["claim_id"])
    op.create_table(
        "gift_aid_corrections",
        sa.Column("claim_id", sa.Text(), nullable=False),
        sa.Column("donation_id", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount > 0", name=op.f("ck_gift_aid_corrections_amount_positive")),
        sa.ForeignKeyConstraint(
            ["claim_id"],
            ["gift_aid_claims.id"],
            name=op.f("fk_gift_aid_corrections_claim_id_gift_aid_claims"),
        ),
        sa.ForeignKeyConstraint(
            ["donation_id"],
            ["gift_aid_lines.donation_id"],
            name=op.f("fk_gift_aid_corrections_donation_id_gift_aid_lines"),
        ),
        sa.PrimaryKeyConstraint("claim_id", "donation_id", name=op.f("pk_gift_aid_corrections")),
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    for table in (*reversed(_CLAIMS), "gift_aid_declarations"):
        op.drop_table(table)
    op.execute("DROP FUNCTION almoner_gift_aid_declarations_stand()")
