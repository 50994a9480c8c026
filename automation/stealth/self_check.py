"""Checks that a browser gives the same facts everywhere: page, frame, workers, request headers. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from automation.stealth.options import BrowserConfig, DriverKind, accept_language

_CHROME = re.compile(r"Chrome/(\d+)")
_BRAND = re.compile(r'"([^"]*)";\s*v="([^"]*)"')


@dataclass(frozen=True, slots=True)
class Mismatch:
    """Two places of one browser that disagree.

    Attributes:
        place: Where it was seen, such as ``shared worker`` or ``headers of page``.
        name: What disagrees, such as ``languages``.
    """

    place: str
    name: str
    found: object
    expected: object

    def __str__(self) -> str:
        return f"{self.place}: {self.name} is {self.found!r}, but {self.expected!r} elsewhere"


@dataclass(frozen=True, slots=True)
class Sighting:
    """What a site saw of a browser.

    Attributes:
        seen: What each place said, by place; ``page`` is always there.
        silent: Why a place said nothing, by place.
        only: What only the page has: ``webdriver``, ``screen``, ``window`` and ``viewport`` as width and height.
        headers: Request headers in lower case by where the request came from: ``navigation`` or a place.
    """

    seen: Mapping[str, Mapping[str, Any]]
    silent: Mapping[str, str]
    only: Mapping[str, Any]
    headers: Mapping[str, Mapping[str, str]]


def mismatches(sighting: Sighting, config: BrowserConfig) -> list[Mismatch]:
    """Return everything that disagrees: between places, with the headers, and with what was configured."""
    page = sighting.seen["page"]
    found = [Mismatch(place, "answer", reason, "an answer") for place, reason in sighting.silent.items()]
    for place, said in sighting.seen.items():
        found += [Mismatch(place, name, said[name], page[name]) for name in page if said[name] != page[name]]
    for place, headers in sighting.headers.items():
        found += _header_mismatches(f"headers of {place}", headers, page)
    found += _version_mismatches(page)
    if config.is_attached:
        return found
    if config.timezone and page["timezone"] != config.timezone:
        found.append(Mismatch("configuration", "timezone", page["timezone"], config.timezone))
    if config.locale:
        wanted = accept_language(config.locale).split(",")
        if page["languages"] != wanted:
            found.append(Mismatch("configuration", "languages", page["languages"], wanted))
    return found


def _header_mismatches(place: str, headers: Mapping[str, str], page: Mapping[str, Any]) -> Iterator[Mismatch]:
    told = {
        "user-agent": (headers.get("user-agent"), page["user_agent"]),
        "accept-language": (_languages(headers.get("accept-language", "")), page["languages"]),
    }
    # Chromium sends these with a page's requests, and none with those of workers.
    if page["brands"] is not None and ("sec-ch-ua" in headers or "worker" not in place):
        brands = [f"{name} {version}" for name, version in _BRAND.findall(headers.get("sec-ch-ua", ""))]
        told["sec-ch-ua"] = (brands, page["brands"])
        platform = headers.get("sec-ch-ua-platform", "").strip('"')
        told["sec-ch-ua-platform"] = (platform, page["client_platform"])
    for name, (found, expected) in told.items():
        if found != expected:
            yield Mismatch(place, name, found, expected)


def _languages(header: str) -> list[str]:
    return [part.split(";")[0].strip() for part in header.split(",") if part.strip()]


def _version_mismatches(page: Mapping[str, Any]) -> Iterator[Mismatch]:
    version = _CHROME.search(page["user_agent"])
    if version is None or page["brands"] is None:
        return
    if not any(brand.endswith(f" {version[1]}") for brand in page["brands"]):
        yield Mismatch("page", "userAgentData.brands", page["brands"], f"version {version[1]}")
    if not page["client_details"]["fullVersionList"]:
        yield Mismatch("page", "userAgentData.fullVersionList", [], page["brands"])


def advice(sighting: Sighting, config: BrowserConfig, driver: DriverKind) -> list[str]:
    """Return each sign of automation that the browser shows, with what to change; ``driver`` is the one in use."""
    page = sighting.seen["page"]
    said: list[str] = []
    if sighting.only["webdriver"]:
        said.append(
            "navigator.webdriver is true: start that browser with a fixed --remote-debugging-port, such as 9222, and "
            "without --enable-automation."
            if config.is_attached
            else "navigator.webdriver is true: set browser_config.anti_detection to true."
        )
    if "Headless" in page["user_agent"]:
        said.append(
            "The user agent says HeadlessChrome: set HEADLESS=false; where there is no display, Xvfb gives one."
        )
    if "SwiftShader" in (page["webgl_renderer"] or ""):
        said.append('WebGL says SwiftShader: set browser_config.gl to "llvmpipe", or run with a window.')
    if page["timezone"] == "UTC":
        said.append("The time zone is UTC, as on servers: set browser_config.timezone to your own.")
    if config.user_agent:
        said.append("browser_config.user_agent leaves userAgentData without details: leave it unset.")
    if config.stealth:
        said.append("browser_config.stealth changes functions that pages can check: leave all of it off.")
    if driver == "playwright":
        said.append(
            "Pages can notice Playwright's console listening: patchright has none. "
            "Run `pip install -r requirements-patchright.txt`"
            + ("." if config.is_attached else " and set BROWSER_DRIVER=patchright.")
        )
    return said
