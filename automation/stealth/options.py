"""Browser launch options that a user may set, and the command-line arguments made from them. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

DriverKind = Literal["playwright", "patchright"]
Driver = Literal["playwright", "patchright", "cdp"]
Gl = Literal["auto", "off", "llvmpipe"]


@dataclass(frozen=True, slots=True)
class ProxyConfig:
    """A proxy for everything that a browser loads: ``server`` as ``scheme://host:port``."""

    server: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class BrowserConfig:
    """What a browser process is started with; endpoints with equal values share a process.

    Everything is set for the whole process, never per page: a page, its workers and its headers then agree.

    Attributes:
        viewport: Window size in pixels, width and height.
        timeout_ms: How long loading a page may take.
        anti_detection: Start without the flag that tells pages that the browser is automated.
        locale: BCP 47 language, such as ``de-DE``.
        timezone: IANA name, such as ``Europe/Berlin``.
        driver: What controls the browser; ``cdp`` attaches to one that a person started.
        cdp_url: Where that browser listens, such as ``http://127.0.0.1:9222``.
        gl: ``auto`` leaves WebGL as the machine has it, ``off`` turns it off, ``llvmpipe`` draws it in software and says so.
        stealth: Names of playwright-stealth's evasions that are put into every page.
    """

    headless: bool = True
    user_agent: str | None = None
    viewport: tuple[int, int] | None = None
    timeout_ms: int | None = None
    anti_detection: bool = True
    proxy: ProxyConfig | None = None
    locale: str | None = None
    timezone: str | None = None
    driver: Driver = "playwright"
    cdp_url: str | None = None
    gl: Gl = "auto"
    stealth: tuple[str, ...] = ()

    @property
    def is_attached(self) -> bool:
        """Whether the browser is a person's own, of which only what we open in it is ours."""
        return self.driver == "cdp"


# Chromium heeds the last switch of a name only, so Playwright's own list has to be repeated.
_OFF_BY_PLAYWRIGHT = (
    "AvoidUnnecessaryBeforeUnloadCheckSync",
    "DestroyProfileOnBrowserClose",
    "HttpsUpgrades",
    "HttpsFirstBalancedModeAutoEnable",
    "LensOverlay",
    "MediaRouter",
    "PaintHolding",
    "ThirdPartyStoragePartitioning",
    "AvoidCorsURLLoaderRestartOnRedirect",
    "TcpPortRandomizationWin",
    "OptimizationHints",
    "NetworkTimeServiceQuerying",
    "AimEnabled",
    "PreconnectToSearch",
    "msForceBrowserSignIn",
    "msEdgeUpdateLaunchServicesPreferredVersion",
)
# Two pages of the address bar, which nobody types into here: a renderer for every window, a third of a small page's CPU.
_UNUSED_WINDOW_PARTS = ("WebUIOmniboxPopup", "WebUIOmniboxAimPopup")

_GL: dict[Gl, tuple[str, ...]] = {
    "auto": (),
    "off": ("--disable-gpu", "--disable-software-rasterizer"),
    "llvmpipe": ("--use-angle=gl", "--ignore-gpu-blocklist"),
}

QUIET = (
    f"--disable-features={','.join((*_OFF_BY_PLAYWRIGHT, *_UNUSED_WINDOW_PARTS))}",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


def launch_arguments(config: BrowserConfig) -> list[str]:
    """Chromium's command line for this configuration, without what the driver adds."""
    width, height = config.viewport or (1366, 900)
    arguments = [*QUIET, f"--window-size={width},{height}", *_GL[config.gl]]
    if config.headless:
        # Else a screen of 800 x 600, smaller than the window that is on it.
        arguments.append(f"--screen-info={{{max(width, 1920)}x{max(height, 1080)}}}")
    if config.anti_detection:
        arguments.append("--disable-blink-features=AutomationControlled")
    if config.user_agent:
        arguments.append(f"--user-agent={config.user_agent}")
    if config.locale:
        arguments.append(f"--accept-lang={accept_language(config.locale)}")
    return arguments


def accept_language(locale: str) -> str:
    """The list a desktop browser of this language sends: itself, its base language, then English."""
    base = locale.split("-", 1)[0]
    wanted = [locale, base, "en-US", "en"]
    return ",".join(dict.fromkeys(wanted))


def environment(config: BrowserConfig, inherited: dict[str, str]) -> dict[str, str]:
    """The browser process's environment: inherited, with the time zone that was asked for."""
    return {**inherited, "TZ": config.timezone} if config.timezone else dict(inherited)
