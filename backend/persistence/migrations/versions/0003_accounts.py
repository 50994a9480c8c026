"""Accounts, and which of them a chat belongs to."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables to this version."""
    op.create_table(
        "accounts",
        sa.Column("endpoint_slug", sa.String(120), nullable=False),
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.Column("secrets", sa.Text(), nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("state_reason", sa.Text(), nullable=True),
        sa.Column("state_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["endpoint_slug"],
            ["endpoints.slug"],
            name="fk_accounts_endpoint_slug_endpoints",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("endpoint_slug", "id", name="pk_accounts"),
    )
    op.add_column("conversations", sa.Column("chat_account", sa.Text(), nullable=False, server_default=""))


def downgrade() -> None:
    """Bring the tables back to the version before."""
    op.drop_column("conversations", "chat_account")
    op.drop_table("accounts")
