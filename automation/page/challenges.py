"""Detects the bot checks (captchas) that many sites share, by what a page shows. Pure.

A check is recognized by the parts of a page that the vendor documents or that hold its widget; only visible ones count, so that
a check which works unseen disturbs nobody. What a site has of its own, its profile says. Sources: the vendors' own
documentation of their widgets (Cloudflare Turnstile and challenge pages, hCaptcha, reCAPTCHA, Arkose Labs, GeeTest 3 and
4, Aliyun Captcha 1 and 2, AWS WAF).
"""

from __future__ import annotations

from collections.abc import Mapping

# A check that passes by itself stands for a moment; only one that stays needs a person.
STANDS_S = 5.0

_WIDGETS = (
    'iframe[src*="//challenges.cloudflare.com/"]',
    "#challenge-stage",
    "#challenge-running",
    "form#challenge-form",
    'iframe[src*=".hcaptcha.com/"][src*="frame=challenge"]',
    'iframe[src*=".hcaptcha.com/"][src*="frame=checkbox"]',
    'iframe[src*="/recaptcha/api2/bframe"]',
    'iframe[src*="/recaptcha/enterprise/bframe"]',
    'iframe[src*=".arkoselabs.com/"]',
    'iframe[src*=".funcaptcha.com/"]',
    ".geetest_panel_box",
    ".geetest_box",
    "#aliyunCaptcha-window-popup",
    "#aliyunCaptcha-window-embed",
    "#nc_1_wrapper",
    "awswaf-captcha",
    "#captcha-container #amzn-captcha-verify-button",
)
CAPTCHA_CSS = ", ".join(_WIDGETS)


def challenge_of_response(headers: Mapping[str, str]) -> bool:
    """Whether a response is a check in place of the page; names of ``headers`` are in lower case.

    Sources: Cloudflare, "Detect a challenge page response" (``cf-mitigated``); AWS WAF, "CAPTCHA and Challenge actions"
    (``x-amzn-waf-action``).
    """
    mitigated = headers.get("cf-mitigated", "").lower() == "challenge"
    return mitigated or headers.get("x-amzn-waf-action", "").lower() in {"challenge", "captcha"}
