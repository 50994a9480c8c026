"""Responses that are kept for their callers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables to this version."""
    op.create_table(
        "responses",
        sa.Column("owner", sa.String(40), nullable=False),
        sa.Column("id", sa.String(200), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("owner", "id", name="pk_responses"),
    )
    op.create_index("ix_responses_created_at", "responses", ["created_at"])
    op.create_index("ix_responses_owner_created_at", "responses", ["owner", "created_at"])
    op.create_table(
        "response_items",
        sa.Column("owner", sa.String(40), nullable=False),
        sa.Column("item_id", sa.String(200), nullable=False),
        sa.Column("response_id", sa.String(200), nullable=False),
        sa.ForeignKeyConstraint(
            ["owner", "response_id"],
            ["responses.owner", "responses.id"],
            name="fk_response_items_owner_responses",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("owner", "item_id", name="pk_response_items"),
    )
    op.create_index("ix_response_items_owner_response_id", "response_items", ["owner", "response_id"])


def downgrade() -> None:
    """Bring the tables to the version before."""
    op.drop_table("response_items")
    op.drop_table("responses")
