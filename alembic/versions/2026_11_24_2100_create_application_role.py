"""Create the role the processes work under, and the guard of the append-only tables.

Why: a bug, or a stolen web process, must not be able to rewrite the books. The role may add rows to them
and nothing else; the guard refuses a rewrite even by the owner of the tables.

Revision: 2026_11_24_2100
Follows: None
"""

from alembic import op

revision = "2026_11_24_2100"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")

    op.execute("""
        DO $$ BEGIN
            CREATE ROLE almoner_app NOLOGIN;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
        END $$
    """)
    op.execute("GRANT almoner_app TO CURRENT_USER")
    op.execute("GRANT USAGE ON SCHEMA public TO almoner_app")
    op.execute("GRANT SELECT ON alembic_version TO almoner_app")
    op.execute("""
        CREATE FUNCTION almoner_refuse_rewrite() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION '% is append-only: % is refused', TG_TABLE_NAME, TG_OP
                USING ERRCODE = 'restrict_violation',
                HINT = 'Add a correcting row instead.';
        END $$
    """)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")

    op.execute("DROP FUNCTION almoner_refuse_rewrite()")
    op.execute("REVOKE SELECT ON alembic_version FROM almoner_app")
    op.execute("REVOKE USAGE ON SCHEMA public FROM almoner_app")
    # The role itself stays: it belongs to the whole server and another database may use it.
