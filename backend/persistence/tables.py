"""SQLAlchemy tables, as the newest migration leaves them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    DateTime,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    String,
    Text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

NAMING = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """Base of every table; constraints have predictable names, so that migrations can refer to them."""

    metadata = MetaData(naming_convention=NAMING)


class EndpointRow(Base):
    """One endpoint.

    Attributes:
        settings: The draft without its secrets, in API.md's names.
        secrets: A sealed JSON object of the secrets.
    """

    __tablename__ = "endpoints"

    slug: Mapped[str] = mapped_column(String(120), primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    provider_type: Mapped[str] = mapped_column(String(32))
    is_started: Mapped[bool] = mapped_column(Boolean)
    settings: Mapped[dict[str, Any]] = mapped_column(JSON)
    secrets: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class SessionRow(Base):
    """The signed-in session of one account, sealed."""

    __tablename__ = "sessions"

    endpoint_slug: Mapped[str] = mapped_column(
        String(120), ForeignKey("endpoints.slug", ondelete="CASCADE"), primary_key=True
    )
    account: Mapped[str] = mapped_column(String(320), primary_key=True)
    sealed_state: Mapped[str] = mapped_column(Text)
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class AccountRow(Base):
    """One of an endpoint's accounts, besides the one that its own settings describe.

    Attributes:
        settings: Its configuration without secrets, in API.md's names.
        secrets: A sealed JSON object of the secrets.
        state_until: When the site's limit is over; null without one.
    """

    __tablename__ = "accounts"

    endpoint_slug: Mapped[str] = mapped_column(
        String(120), ForeignKey("endpoints.slug", ondelete="CASCADE"), primary_key=True
    )
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    settings: Mapped[dict[str, Any]] = mapped_column(JSON)
    secrets: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(32))
    state_reason: Mapped[str | None] = mapped_column(Text)
    state_until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class ConversationRow(Base):
    """One conversation: where its chat is, and by what it is found again.

    Attributes:
        site: The endpoint's address when the chat was begun.
        head: Hash of its history; null while a turn goes on in it.
        chat_fingerprint: Hash by which the provider recognises the chat; no words of it.
        chat_account: The endpoint's account that the chat belongs to.
    """

    __tablename__ = "conversations"
    __table_args__ = (
        Index("ix_conversations_head", "head"),
        Index("ix_conversations_endpoint_slug_updated_at", "endpoint_slug", "updated_at"),
    )

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    endpoint_slug: Mapped[str] = mapped_column(String(120), ForeignKey("endpoints.slug", ondelete="CASCADE"))
    site: Mapped[str] = mapped_column(Text)
    account: Mapped[str] = mapped_column(Text)
    model: Mapped[str | None] = mapped_column(Text)
    owner: Mapped[str] = mapped_column(String(40))
    head: Mapped[str | None] = mapped_column(String(64))
    chat_id: Mapped[str] = mapped_column(Text)
    chat_url: Mapped[str | None] = mapped_column(Text)
    chat_fingerprint: Mapped[str] = mapped_column(Text)
    chat_account: Mapped[str] = mapped_column(Text, server_default="")
    turns: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class UsageRow(Base):
    """One request and what it used; it outlives its endpoint."""

    __tablename__ = "usage"
    __table_args__ = (Index("ix_usage_at", "at"), Index("ix_usage_endpoint_at", "endpoint", "at"))

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    request_id: Mapped[str] = mapped_column(String(128))
    owner: Mapped[str] = mapped_column(String(120))
    endpoint: Mapped[str] = mapped_column(String(120))
    model: Mapped[str] = mapped_column(Text)
    outcome: Mapped[str] = mapped_column(String(64))
    is_streamed: Mapped[bool] = mapped_column(Boolean)
    input_tokens: Mapped[int | None] = mapped_column(Integer)
    output_tokens: Mapped[int | None] = mapped_column(Integer)
    is_estimated: Mapped[bool] = mapped_column(Boolean)
    cost_usd: Mapped[float | None] = mapped_column(Float)
    first_delta_ms: Mapped[float | None] = mapped_column(Float)
    duration_ms: Mapped[float] = mapped_column(Float)


class ResponseRow(Base):
    """One response of the Responses API, kept for who asked.

    Attributes:
        sealed: The items of its conversation up to its end, packed.
    """

    __tablename__ = "responses"
    __table_args__ = (
        Index("ix_responses_created_at", "created_at"),
        Index("ix_responses_owner_created_at", "owner", "created_at"),
    )

    owner: Mapped[str] = mapped_column(String(40), primary_key=True)
    id: Mapped[str] = mapped_column(String(200), primary_key=True)
    sealed: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class ResponseItemRow(Base):
    """One item of a kept response's output, by which requests refer to it."""

    __tablename__ = "response_items"
    __table_args__ = (
        ForeignKeyConstraint(
            ["owner", "response_id"], ["responses.owner", "responses.id"], ondelete="CASCADE"
        ),
        Index("ix_response_items_owner_response_id", "owner", "response_id"),
    )

    owner: Mapped[str] = mapped_column(String(40), primary_key=True)
    item_id: Mapped[str] = mapped_column(String(200), primary_key=True)
    response_id: Mapped[str] = mapped_column(String(200))


class RotationRow(Base):
    """One rotation.

    Attributes:
        settings: The rotation without its name, in API.md's names.
    """

    __tablename__ = "rotations"

    name: Mapped[str] = mapped_column(String(100), primary_key=True)
    settings: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
