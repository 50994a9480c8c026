"""Endpoints and sessions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables to this version."""
    op.create_table(
        "endpoints",
        sa.Column("slug", sa.String(120), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("provider_type", sa.String(32), nullable=False),
        sa.Column("is_started", sa.Boolean(), nullable=False),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.Column("secrets", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("slug", name="pk_endpoints"),
    )
    op.create_table(
        "sessions",
        sa.Column("endpoint_slug", sa.String(120), nullable=False),
        sa.Column("account", sa.String(320), nullable=False),
        sa.Column("sealed_state", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["endpoint_slug"],
            ["endpoints.slug"],
            name="fk_sessions_endpoint_slug_endpoints",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("endpoint_slug", "account", name="pk_sessions"),
    )


def downgrade() -> None:
    """Bring the tables back to the version before."""
    op.drop_table("sessions")
    op.drop_table("endpoints")
