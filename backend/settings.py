"""Settings of the gateway, read from the environment and ``.env`` in this one place."""

from __future__ import annotations

import re
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from automation.patterns import check_pattern
from automation.profiles.loader import SHIPPED_PROFILES
from backend.security.loopback import is_loopback_name


def describe_settings_error(error: ValidationError) -> str:
    """Return in one line what is wrong with the settings, each by the name of its variable."""
    problems = "; ".join(f"{'.'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in error.errors())
    return f"Settings can't be used: {problems}"


class Settings(BaseSettings):
    """Names are the environment's in lower case; an empty variable counts as unset.

    Attributes:
        data_dir: Holds the database, generated keys and screenshots; made with mode 0700.
        database_url: Empty means SQLite under ``data_dir``; ``postgresql://…`` is given its async driver.
        secret_key: Encrypts stored secrets; empty means generated into ``data_dir``.
        old_secret_keys: Keys that sealed what is stored; it is sealed anew with ``secret_key`` at the next start.
        auth: ``auto`` is off while ``host`` is a loopback address and on otherwise.
        allowed_hosts: Host names besides loopback that are served with auth off; ``*`` for all.
        trusted_proxies: Addresses and networks of proxies whose ``X-Forwarded-For`` and ``X-Forwarded-Proto`` are believed.
        shutdown_grace_s: Seconds that running answers get to finish at SIGTERM, before they are ended by an error.
        cors_origins: Origins of web pages that may call the gateway, such as ``http://localhost:3000``.
        capture: ``dom`` reads answers from the page alone; ``auto`` from its own traffic where the profile says how.
        max_pages: Most pages open at once over all endpoints.
        max_streaming: Most turns that run at once over all endpoints; None means eight a core.
        selectors_dir: Profiles of one's own, looked up before those in ``data_dir`` and those that ship; None for no such folder.
        max_request_bytes: Of a request's body.
        max_attachments: Files in one request.
        max_attachment_bytes: Of one file, also of one that is fetched.
        allow_private_urls: Whether files may be fetched from addresses outside of the public internet.
        max_conversations: Conversations kept at each endpoint; the oldest are forgotten.
        conversation_ttl: Days without a turn after which a conversation is forgotten; None for never.
        responses_ttl: Hours for which a response of ``/v1/responses`` can be gone on from.
        responses_kept: Responses kept for each caller; 0 keeps none.
        background_request_patterns: One regular expression, besides the known ones, for front-ends' own requests.
        background_model: Model that answers them; empty for the model that they name.
        routing_strategy: Load-balancing strategy over the endpoints that share an alias.
        disable_after_failures: Failures in a row after which an endpoint is left out where another can be asked.
        disable_seconds: For how long, until a request probes it.
        response_cache_ttl: Seconds for which an answer stands for those to identical requests; 0 is never.
        response_cache_size: Bytes that the kept answers may take in memory.
        alert_webhook_url: Is sent JSON when an endpoint needs a person, and when it works again.
        alert_urls: Apprise addresses that get the same notices, such as ``mailtos://…``, with commas between.
        alert_min_interval: Seconds in which the same notice of an endpoint is sent once.
        codegen_timeout: Seconds until a run's result must be there.
        codegen_max_retries: How often in a row a request to Codegen is sent again.
        codegen_base_delay: Seconds before the first of them, doubled from then on; looks at a run begin with it as well.
        rate_limit_window: Seconds that ``rate_limit_requests`` counts over.
    """

    model_config = SettingsConfigDict(
        env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True, hide_input_in_errors=True
    )

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    data_dir: Path = Path("data")
    database_url: str = ""
    redis_url: str = ""
    secret_key: SecretStr | None = None
    old_secret_keys: Annotated[tuple[SecretStr, ...], NoDecode] = ()
    auth: Literal["auto", "on", "off"] = "auto"
    admin_email: str = ""
    admin_password: SecretStr | None = None
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["text", "json"] = "text"
    headless: bool = True
    browser_executable: str | None = None
    browser_driver: Literal["playwright", "patchright", "cdp"] = "playwright"
    capture: Literal["auto", "dom"] = "auto"
    max_pages: Annotated[int, Field(gt=0)] = 12
    max_streaming: Annotated[int, Field(gt=0)] | None = None
    selectors_dir: Path | None = None
    max_request_bytes: Annotated[int, Field(gt=0)] = 20_000_000
    max_attachments: Annotated[int, Field(ge=0)] = 10
    max_attachment_bytes: Annotated[int, Field(gt=0)] = 20_971_520
    allow_private_urls: bool = False
    max_conversations: Annotated[int, Field(gt=0)] = 1000
    conversation_ttl: Annotated[float, Field(gt=0, le=36_500)] | None = None
    responses_ttl: Annotated[float, Field(gt=0, le=87_600)] = 24.0
    responses_kept: Annotated[int, Field(ge=0)] = 100
    background_request_patterns: str = ""
    background_model: str = ""
    routing_strategy: Literal[
        "weighted", "round_robin", "success_rate", "response_time", "least_busy", "cost"
    ] = "weighted"
    disable_after_failures: Annotated[int, Field(gt=0)] = 3
    disable_seconds: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 300.0
    response_cache_ttl: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    response_cache_size: Annotated[int, Field(gt=0)] = 67_108_864
    alert_webhook_url: SecretStr | None = None
    alert_urls: SecretStr | None = None
    alert_min_interval: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 300.0
    cors_origins: Annotated[tuple[str, ...], NoDecode] = ()
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = ()
    shutdown_grace_s: Annotated[float, Field(ge=0, le=3600)] = 30.0
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = ()
    rate_limit_requests: Annotated[int, Field(gt=0)] | None = None
    rate_limit_window: Annotated[float, Field(gt=0)] = 60.0
    monthly_cost_limit: Annotated[float, Field(ge=0)] | None = None
    codegen_base_url: str = ""
    codegen_org_id: str = ""
    codegen_token: SecretStr | None = None
    codegen_timeout: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 300.0
    codegen_max_retries: Annotated[int, Field(ge=0, le=100)] = 20
    codegen_base_delay: Annotated[float, Field(gt=0, le=600)] = 2.0
    codegen_default_model: str = "codegen-standard"
    openai_api_key: SecretStr | None = None
    anthropic_api_key: SecretStr | None = None
    google_api_key: SecretStr | None = None
    deepseek_api_key: SecretStr | None = None
    deepinfra_api_key: SecretStr | None = None
    openrouter_api_key: SecretStr | None = None
    groq_api_key: SecretStr | None = None
    mistral_api_key: SecretStr | None = None
    zai_api_key: SecretStr | None = None

    @field_validator("cors_origins", "allowed_hosts", "old_secret_keys", "trusted_proxies", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip().rstrip("/") for part in value.split(",") if part.strip())
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for part in value:
            try:
                ip_network(part, strict=False)
            except ValueError as exc:
                msg = f"{part!r} is no address or network such as 10.0.0.2 or 172.16.0.0/12"
                raise ValueError(msg) from exc
        return value

    @field_validator("background_request_patterns")
    @classmethod
    def _is_pattern(cls, value: str) -> str:
        return check_pattern(value)

    @field_validator("selectors_dir")
    @classmethod
    def _is_folder(cls, value: Path | None) -> Path | None:
        if value is not None and not value.is_dir():
            msg = f"there is no folder {value}: make it, or leave it out and put your profiles into DATA_DIR/selectors"
            raise ValueError(msg)
        return value

    @field_validator("redis_url")
    @classmethod
    def _is_redis_address(cls, value: str) -> str:
        if value and not value.startswith(("redis://", "rediss://", "unix://")):
            msg = "must be an address such as redis://127.0.0.1:6379/0"
            raise ValueError(msg)
        return value

    @field_validator("alert_webhook_url")
    @classmethod
    def _is_web_address(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not re.match(r"https?://[^/\s]+", value.get_secret_value()):
            msg = "must be an address such as https://hooks.example.com/…"
            raise ValueError(msg)
        return value

    @field_validator("log_level", mode="before")
    @classmethod
    def _upper(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value

    @property
    def is_auth_on(self) -> bool:
        """Whether requests need an API key."""
        return self.auth == "on" or (self.auth == "auto" and not is_loopback_name(self.host))

    @property
    def profile_folders(self) -> tuple[Path, ...]:
        """Where a profile is looked up by its name, in this order."""
        own = () if self.selectors_dir is None else (self.selectors_dir,)
        return (*own, self.data_dir / "selectors", SHIPPED_PROFILES)

    @property
    def provider_keys(self) -> dict[str, SecretStr]:
        """The keys of API providers that are set, by the name of their variable, such as ``OPENAI_API_KEY``."""
        names = [name for name in type(self).model_fields if name.endswith(("_api_key", "_token"))]
        keys = {name.upper(): getattr(self, name) for name in names}
        return {name: key for name, key in keys.items() if key is not None}

    @property
    def effective_database_url(self) -> str:
        """The database's address, never empty."""
        return self.database_url or f"sqlite+aiosqlite:///{self.data_dir.absolute() / 'parley.db'}"
