"""Presets of known APIs: address, authorization, dialect, quirks. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

PresetName = Literal[
    "openai",
    "anthropic",
    "google",
    "ollama",
    "deepseek",
    "deepinfra",
    "codegen",
    "openai_compatible",
    "openrouter",
    "groq",
    "mistral",
    "zai",
    "vllm",
    "llama_cpp",
    "custom",
]
"""What an endpoint's ``preset`` may be."""
DialectName = Literal["openai", "anthropic", "google", "ollama", "codegen", "custom"]


@dataclass(frozen=True, slots=True)
class Quirks:
    """Differences of an API from OpenAI's, whose dialect it speaks.

    Attributes:
        has_developer_role: Else ``developer`` is sent as ``system``.
        has_stream_options: Else usage comes unasked, and ``stream_options`` would be refused.
        max_tokens: The name of the limit: ``both`` takes either as it came.
        any_tool: The API's word for ``tool_choice: "required"``.
        seed: The API's name of ``seed``.
        takes_reasoning: Else it refuses the ``reasoning_content`` of earlier answers, even its own.
        search: Where ``web_search_options`` are understood: nowhere for all that is known, by models named so, everywhere.
        lacks: Fields of OpenAI's that it refuses. A client of chat completions may send them all the same; of another API's
            request, which says them in other words, they are left out.
    """

    has_developer_role: bool = True
    has_stream_options: bool = True
    max_tokens: Literal["both", "max_tokens"] = "both"
    any_tool: str = "required"
    seed: str = "seed"
    takes_reasoning: bool = True
    search: Literal["", "by model", "everywhere"] = ""
    lacks: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ApiPreset:
    """One API.

    Attributes:
        base_url: None where every user has another one.
        auth_header: The header that carries the key, and ``auth_prefix`` what stands before it.
        needs_key: Whether it refuses every request without one.
        key_setting: The variable of the environment that holds the key where the endpoint has none.
    """

    dialect: DialectName
    base_url: str | None
    auth_header: str = "authorization"
    auth_prefix: str = "Bearer "
    needs_key: bool = True
    key_setting: str | None = None
    quirks: Quirks = Quirks()


# What Codex and Claude Code send to OpenAI and Anthropic, and strict servers don't know.
_CACHING = frozenset({"prompt_cache_key", "prompt_cache_retention", "safety_identifier", "verbosity"})
_PLAIN = Quirks(has_developer_role=False, max_tokens="max_tokens")

PRESETS: Mapping[str, ApiPreset] = MappingProxyType(
    {
        "openai": ApiPreset(
            "openai",
            "https://api.openai.com/v1",
            key_setting="OPENAI_API_KEY",
            quirks=Quirks(search="by model"),
        ),
        "deepseek": ApiPreset(
            "openai", "https://api.deepseek.com/v1", key_setting="DEEPSEEK_API_KEY", quirks=_PLAIN
        ),
        "deepinfra": ApiPreset(
            "openai", "https://api.deepinfra.com/v1/openai", key_setting="DEEPINFRA_API_KEY", quirks=_PLAIN
        ),
        "openrouter": ApiPreset(
            "openai",
            "https://openrouter.ai/api/v1",
            key_setting="OPENROUTER_API_KEY",
            quirks=Quirks(search="everywhere"),
        ),
        "groq": ApiPreset(
            "openai",
            "https://api.groq.com/openai/v1",
            key_setting="GROQ_API_KEY",
            quirks=Quirks(takes_reasoning=False, lacks=_CACHING),
        ),
        "mistral": ApiPreset(
            "openai",
            "https://api.mistral.ai/v1",
            key_setting="MISTRAL_API_KEY",
            quirks=Quirks(
                has_developer_role=False,
                has_stream_options=False,
                max_tokens="max_tokens",
                any_tool="any",
                seed="random_seed",
                takes_reasoning=False,
                lacks=_CACHING | {"user", "logit_bias", "service_tier"},
            ),
        ),
        "zai": ApiPreset("openai", "https://api.z.ai/api/paas/v4", key_setting="ZAI_API_KEY", quirks=_PLAIN),
        "vllm": ApiPreset("openai", None, needs_key=False),
        "llama_cpp": ApiPreset("openai", None, needs_key=False, quirks=_PLAIN),
        "openai_compatible": ApiPreset("openai", None, needs_key=False),
        "anthropic": ApiPreset(
            "anthropic",
            "https://api.anthropic.com/v1",
            auth_header="x-api-key",
            auth_prefix="",
            key_setting="ANTHROPIC_API_KEY",
        ),
        "google": ApiPreset(
            "google",
            "https://generativelanguage.googleapis.com/v1beta",
            auth_header="x-goog-api-key",
            auth_prefix="",
            key_setting="GOOGLE_API_KEY",
        ),
        "ollama": ApiPreset("ollama", "http://127.0.0.1:11434", needs_key=False),
        "codegen": ApiPreset("codegen", "https://api.codegen.com", key_setting="CODEGEN_TOKEN"),
        "custom": ApiPreset("custom", None, needs_key=False),
    }
)
