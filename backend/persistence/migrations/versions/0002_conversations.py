"""Conversations."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables to this version."""
    op.create_table(
        "conversations",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("endpoint_slug", sa.String(120), nullable=False),
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=True),
        sa.Column("owner", sa.String(40), nullable=False),
        sa.Column("head", sa.String(64), nullable=True),
        sa.Column("chat_id", sa.Text(), nullable=False),
        sa.Column("chat_url", sa.Text(), nullable=True),
        sa.Column("chat_fingerprint", sa.Text(), nullable=False),
        sa.Column("turns", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["endpoint_slug"],
            ["endpoints.slug"],
            name="fk_conversations_endpoint_slug_endpoints",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_conversations"),
    )
    op.create_index("ix_conversations_head", "conversations", ["head"])
    op.create_index(
        "ix_conversations_endpoint_slug_updated_at", "conversations", ["endpoint_slug", "updated_at"]
    )


def downgrade() -> None:
    """Bring the tables back to the version before."""
    op.drop_table("conversations")
