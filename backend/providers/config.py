"""Endpoint configuration, as an operator gives it. Pure."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator
from pydantic_core import PydanticCustomError

from automation.stealth.options import Driver, Gl
from automation.stealth.pacing import HumanInput
from backend.providers.api.presets import PRESETS, PresetName
from backend.providers.fields import (
    ApiKey,
    CdpAddress,
    Count,
    HeaderName,
    HeaderSecret,
    HttpAddress,
    Locale,
    ProxyAddress,
    Seconds,
    Timezone,
    UserAgent,
)
from backend.wire.door import DoorName

ProviderType = Literal["web_chat", "rest_api", "api_token"]
DEFAULT_PRESET: PresetName = "openai_compatible"
# A page answers one turn at a time in each of its accounts; an API has limits of its own, which it tells.
_PAGES_AT_ONCE = 2
_CALLS_AT_ONCE = 1000
_API_CHECK_S = 300.0
_MOST_FALLBACKS = 100


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, allow_inf_nan=False)


class Viewport(_Strict):
    """Size of the page in CSS pixels."""

    width: Annotated[int, Field(gt=0, le=10_000)]
    height: Annotated[int, Field(gt=0, le=10_000)]


class Proxy(_Strict):
    """The proxy that the endpoint's browser goes through."""

    server: ProxyAddress
    username: str | None = None
    password: SecretStr | None = None


class StealthSettings(_Strict):
    """playwright-stealth's evasions by its own names. All are off: pages can tell each that changes anything."""

    chrome_app: bool = False
    chrome_csi: bool = False
    chrome_load_times: bool = False
    chrome_runtime: bool = False
    error_prototype: bool = False
    hairline: bool = False
    iframe_content_window: bool = False
    media_codecs: bool = False
    navigator_hardware_concurrency: bool = False
    navigator_languages: bool = False
    navigator_permissions: bool = False
    navigator_platform: bool = False
    navigator_plugins: bool = False
    navigator_user_agent: bool = False
    navigator_user_agent_data: bool = False
    navigator_vendor: bool = False
    navigator_webdriver: bool = False
    sec_ch_ua: bool = False
    webgl_vendor: bool = False

    def enabled(self) -> tuple[str, ...]:
        """Return the names of those that are on, sorted."""
        return tuple(sorted(name for name, is_on in self.model_dump().items() if is_on))


# What is decided when a browser is started, which a person did where ``cdp`` attaches.
_SET_AT_START = ("headless", "user_agent", "viewport", "proxy", "locale", "timezone")
# What needs a browser that runs before its context is made; one on a profile comes with its context.
_NOT_WITH_PROFILE = ("navigator_user_agent", "sec_ch_ua")
Isolation = Literal["profile", "shared"]


class BrowserSettings(_Strict):
    """How the endpoint's browser is started; what is None is left as the browser has it.

    Attributes:
        headless: None means the gateway's ``HEADLESS``.
        timeout: Milliseconds a navigation may take.
        driver: None means ``cdp`` where there is a ``cdp_url``, else the gateway's ``BROWSER_DRIVER``.
        cdp_url: Where the browser that a person started listens, such as ``http://127.0.0.1:9222``.
        human_input: ``paste`` moves the pointer and presses keys at a person's pace, ``typed`` also types short prompts.
        isolation: ``profile`` gives each account a browser and a profile directory of its own, ``shared`` a context in one
            browser, of which cookies, local storage and IndexedDB are kept.
    """

    headless: bool | None = None
    user_agent: UserAgent | None = None
    viewport: Viewport | None = None
    timeout: Annotated[int, Field(gt=0, le=24 * 3600 * 1000)] | None = None
    anti_detection: bool = True
    proxy: Proxy | None = None
    locale: Locale | None = None
    timezone: Timezone | None = None
    driver: Driver | None = None
    cdp_url: CdpAddress | None = None
    gl: Gl = "auto"
    stealth: StealthSettings = StealthSettings()
    human_input: HumanInput = "off"
    isolation: Isolation = "shared"

    @model_validator(mode="after")
    def _fits_isolation(self) -> Self:
        evasions = [name for name in self.stealth.enabled() if name in _NOT_WITH_PROFILE]
        if self.isolation == "profile" and evasions:
            raise PydanticCustomError(
                "not_with_profile",
                'with isolation "profile" these can\'t be set: {names}',
                {"names": ", ".join(f"stealth.{name}" for name in evasions)},
            )
        return self

    @model_validator(mode="after")
    def _fits_driver(self) -> Self:
        if self.cdp_url is None:
            if self.driver == "cdp":
                raise PydanticCustomError(
                    "cdp_url_missing",
                    'cdp_url is missing: the driver "cdp" attaches to a browser that you started, such as '
                    "http://127.0.0.1:9222",
                )
            return self
        if self.driver not in {None, "cdp"}:
            raise PydanticCustomError(
                "cdp_url_unused", 'cdp_url needs the driver "cdp"; leave out one of the two'
            )
        refused = [name for name in _SET_AT_START if getattr(self, name) is not None]
        refused += ["gl"] if self.gl != "auto" else []
        refused += ["isolation"] if self.isolation != "shared" else []
        refused += [f"stealth.{name}" for name in self.stealth.enabled()]
        if refused:
            raise PydanticCustomError(
                "set_at_start",
                'with the driver "cdp" these are as the browser was started and can\'t be set: {names}',
                {"names": ", ".join(refused)},
            )
        return self


class Price(_Strict):
    """What a million tokens cost, in US dollars: those that are read, and those that are written."""

    input: Annotated[float, Field(ge=0, le=1_000_000)] = 0.0
    output: Annotated[float, Field(ge=0, le=1_000_000)] = 0.0


class EndpointDraft(_Strict):
    """An endpoint as its operator describes it, checked as far as that goes without a browser.

    Attributes:
        profile: A profile's name, an inline profile, or ``auto``.
        base_url: May be left out with a preset that has one.
        preset: Which API it is; ``openai_compatible`` where nothing is said. Unused with ``web_chat``.
        models: An API's models where its own list isn't wanted, or it has none.
        headers: What an API is sent besides its key, such as ``OpenAI-Organization``; secret like the key.
        api: How a ``custom`` API is asked and read.
        model_mapping: Alias to the endpoint's own model name.
        max_concurrent_requests: 2 for a page and 1,000 for an API where nothing is said.
        first_token_seconds: How long an answer may take to begin; 120 for a page and 600 for an API where nothing is said.
        idle_seconds: How long an answer may pause; 45 for a page and 120 for an API where nothing is said.
        timeout_seconds: Most seconds a whole turn may take; None means without limit.
        retry_attempts: How often opening the endpoint is tried again before it is left in ``error``.
        health_check_interval: Seconds between checks of an idle endpoint; None means never. 300 for an API where nothing is said.
        max_requests_per_period: Most requests that each account is asked within ``period_seconds``.
        min_delay_between_requests: Seconds between two requests of an account.
        keep_alive_seconds: An account that was idle for so long has its page loaded anew, so that its session stays alive
            and a sign-in that ran out is noticed before a request meets it; None means never.
        challenge_wait_seconds: How long a request waits for the person who must pass a check of the site.
        native_apis: The APIs besides chat completions whose requests it gets as they came; None for what its preset says.
        prices: By the endpoint's own model name; ``*`` is every other model's.
        fallbacks: Who is asked instead while nothing of an answer was sent: ``<endpoint>``, ``<endpoint>/<model>``
            or a rotation's name, in this order.
        disable_after_failures: Failures in a row after which it is left out where another can be asked; None means the
            gateway's ``DISABLE_AFTER_FAILURES``.
        disable_seconds: For how long; None means the gateway's ``DISABLE_SECONDS``.
    """

    name: Annotated[str, Field(min_length=1, max_length=100)]
    provider_type: ProviderType
    base_url: HttpAddress
    login_url: HttpAddress | None = None
    username: str | None = None
    password: SecretStr | None = None
    api_key: ApiKey | None = None
    profile: str | dict[str, Any] | None = None
    preset: PresetName | None = None
    models: tuple[str, ...] = ()
    headers: dict[HeaderName, HeaderSecret] = Field(default_factory=dict)
    api: dict[str, Any] | None = None
    native_apis: tuple[DoorName, ...] | None = None
    model_mapping: dict[str, str] = Field(default_factory=dict)
    default_model: str | None = None
    weight: Annotated[float, Field(gt=0, le=1_000_000)] = 1.0
    max_requests_per_minute: Count | None = None
    max_concurrent_requests: Annotated[int, Field(gt=0, le=10_000)] = _PAGES_AT_ONCE
    timeout_seconds: Seconds | None = None
    first_token_seconds: Seconds | None = None
    idle_seconds: Seconds | None = None
    retry_attempts: Annotated[int, Field(ge=0, le=10)] = 3
    health_check_interval: Annotated[Seconds, Field(ge=1)] | None = None
    max_requests_per_period: Count | None = None
    period_seconds: Annotated[float, Field(gt=0, le=31 * 24 * 3600)] = 60.0
    min_delay_between_requests: Annotated[float, Field(ge=0, le=24 * 3600)] = 0.0
    keep_alive_seconds: Annotated[Seconds, Field(ge=10)] | None = 1800.0
    challenge_wait_seconds: Annotated[float, Field(ge=0, le=24 * 3600)] = 120.0
    prices: dict[str, Price] = Field(default_factory=dict)
    fallbacks: Annotated[tuple[str, ...], Field(max_length=_MOST_FALLBACKS)] = ()
    disable_after_failures: Count | None = None
    disable_seconds: Seconds | None = None
    browser_config: BrowserSettings = BrowserSettings()

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, values: Any) -> Any:
        """Set defaults from an API's preset."""
        if not isinstance(values, dict) or values.get("provider_type") not in ("rest_api", "api_token"):
            return values
        named = values.get("preset") or DEFAULT_PRESET
        preset = PRESETS.get(named) if isinstance(named, str) else None  # what it must be is checked behind
        filled: dict[str, Any] = {
            "max_concurrent_requests": _CALLS_AT_ONCE,
            "health_check_interval": _API_CHECK_S,
            **values,
        }
        if preset is not None and preset.base_url is not None and filled.get("base_url") is None:
            filled["base_url"] = preset.base_url
        return filled


class EndpointConfig(EndpointDraft):
    """A draft with its id.

    Attributes:
        slug: The endpoint's id, made from its first name; it never changes.
    """

    slug: str

    @classmethod
    def of(cls, slug: str, draft: EndpointDraft) -> Self:
        """Return the draft under an id, secrets included."""
        return cls.model_validate(
            {**{name: getattr(draft, name) for name in EndpointDraft.model_fields}, "slug": slug}
        )
