"""Computes what tokens cost. Pure."""

from __future__ import annotations

from backend.providers.config import EndpointConfig
from backend.wire.usage import TokenUsage

_MILLION = 1_000_000


def cost_usd(config: EndpointConfig, model: str | None, usage: TokenUsage | None) -> float | None:
    """Return what tokens cost in US dollars by the endpoint's prices; None where it has none, or nobody counted."""
    if usage is None or not config.prices:
        return None
    price = config.prices.get(model or "") or config.prices.get("*")
    if price is None:
        return None
    return (usage.input_tokens * price.input + usage.output_tokens * price.output) / _MILLION
