"""A check in place of a page is known by its response."""

import pytest
import soupsieve

from automation.page.challenges import CAPTCHA_CSS, challenge_of_response


@pytest.mark.parametrize(
    ("headers", "is_one"),
    [
        ({"cf-mitigated": "challenge"}, True),
        ({"x-amzn-waf-action": "captcha"}, True),
        ({"x-amzn-waf-action": "challenge"}, True),
        ({"cf-mitigated": "block"}, False),
        ({"server": "cloudflare"}, False),
        ({}, False),
    ],
)
def test_a_response_in_place_of_the_page_is_told_by_its_headers(headers, is_one):
    assert challenge_of_response(headers) is is_one


@pytest.mark.parametrize(
    ("html", "is_one"),
    [
        ('<iframe src="https://challenges.cloudflare.com/cdn-cgi/x"></iframe>', True),
        ('<iframe src="https://newassets.hcaptcha.com/captcha/v1/x#frame=challenge&id=1"></iframe>', True),
        ('<iframe src="https://www.google.com/recaptcha/api2/bframe?k=1"></iframe>', True),
        ('<iframe src="https://www.google.com/recaptcha/api2/anchor?k=1&size=invisible"></iframe>', False),
        ('<div id="aliyunCaptcha-window-popup"></div>', True),
        ('<div id="captcha-element"></div>', False),
        ('<div class="geetest_box"></div>', True),
        ("<p>captcha</p>", False),
    ],
)
def test_the_widgets_of_the_vendors_are_known_and_what_only_stands_ready_is_not(html, is_one):
    from bs4 import BeautifulSoup

    found = soupsieve.select(CAPTCHA_CSS, BeautifulSoup(html, "html.parser"))

    assert bool(found) is is_one
