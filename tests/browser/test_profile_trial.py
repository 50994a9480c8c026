"""A profile tried on a real page: what matches, what both sources make of an answer, and what to change."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import anyio
import pytest
import yaml
from PIL import Image

from automation.browser.pool import BrowserPool
from automation.profiles.validation import parse_profile
from automation.workbench.report import TrialPlan, TrialReport
from automation.workbench.trial import try_profile
from backend.cli.trial import TrialRequest, run_trials
from backend.settings import Settings
from tests.fakes.chat_site import MARKDOWN, FakeChatSite, profile_data

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

ROOT = Path(__file__).resolve().parents[2]
QUICK = {"timeouts": {"ready_s": 5, "first_token_s": 8, "idle_s": 8}}
ASK = "[[md:prose]]"
PROSE = MARKDOWN["prose"]


async def try_variant(
    browsers: BrowserPool,
    site: FakeChatSite,
    variant: str = "fetch-sse",
    *,
    ask: str | None = ASK,
    with_wire: bool = True,
    **changes: Any,
) -> TrialReport:
    data = {**profile_data(variant, with_wire=with_wire), **QUICK, **changes}
    profile = parse_profile({key: value for key, value in data.items() if value is not None})
    return await try_profile(browsers, TrialPlan(url=site.url, profile=profile, ask=ask))


def rows(report: TrialReport) -> dict[str, Any]:
    return {row.key: row for row in report.roles}


async def test_a_right_profile_is_left_as_it_is_and_both_sources_are_shown(browsers, site):
    report = await try_variant(browsers, site)

    assert (report.problems, report.error, report.advice) == ((), None, "Nothing to change.")
    assert report.answer is not None
    assert (report.answer.text, report.answer.source) == (PROSE, "wire")
    assert report.answer.wire_text == PROSE
    assert report.answer.page_text.split() == PROSE.split()
    assert report.answer.end == "the end mark of its stream"
    assert report.answer.first_s is not None
    assert report.answer.first_s <= report.answer.seconds
    found = rows(report)
    assert (found["input"].opened.visible, found["assistant_turn"].opened.count) == (1, 0)
    assert (found["stop"].answering.visible, found["stop"].ended.visible) == (1, 0)
    assert (found["user_turn"].ended.count, found["user_turn"].ended.text) == (1, ASK)
    assert [request.prompt for request in site.requests] == [ASK]
    (sent, *_) = report.requests
    assert (sent.method, sent.is_of_profile, sent.has_prompt, sent.shows_answer) == ("POST", True, True, True)


async def test_without_a_prompt_nothing_is_sent_and_an_empty_chat_is_no_fault(browsers, site):
    report = await try_variant(browsers, site, ask=None)

    assert (report.problems, report.answer, report.requests) == ((), None, ())
    assert rows(report)["assistant_turn"].opened.count == 0
    assert rows(report)["input"].answering is None
    assert any(hint.startswith("Only the empty chat") for hint in report.hints)
    assert site.requests == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"input": "textarea.promt"}, "'input' matches nothing on the page (on the page: textarea"),
        ({"send": "button.sned"}, "'send' matches nothing once there is text in the field (on the page: "),
        ({"stop": "button.stpo"}, "'stop' was never visible while the answer came"),
        ({"user_turn": ".turn.usr"}, "'user_turn' matched nothing new although the page took the prompt"),
        ({"assistant_turn": ".turn.model"}, "'assistant_turn' matched nothing new although the page took"),
        ({"answer": ".bdoy"}, "'answer' matches nothing inside 'assistant_turn'"),
        ({"finished": ".never"}, "'finished' was never visible"),
        ({"frame": "iframe.chat"}, "The page doesn't match its profile: nothing matches 'frame'"),
    ],
)
async def test_a_wrong_key_is_named_in_one_line(browsers, site, changes, said):
    report = await try_variant(browsers, site, ask="[[wait:2.5]][[md:prose]]", with_wire=False, **changes)

    assert report.advice.startswith(said), report
    assert "\n" not in report.advice
    assert len(site.requests) <= 1


async def test_wrong_addresses_of_the_wire_are_told_with_a_wire_that_reads_the_answer(browsers, site):
    wrong = {"decoder": "openai_sse", "urls": "*/v9/chat*"}

    report = await try_variant(browsers, site, wire=wrong)

    assert report.advice.startswith("'wire.urls' matched no request; the answer's looks like POST http")
    (sent, *_) = report.requests
    suggested = yaml.safe_load(sent.suggestion)["wire"]
    again = await try_variant(browsers, site, wire=suggested)
    assert (again.problems, again.answer and again.answer.source) == ((), "wire")


async def test_a_wire_is_suggested_where_the_profile_has_none(browsers, site):
    report = await try_variant(browsers, site, with_wire=False)

    assert report.problems == ()
    assert any("wire: {decoder: openai_sse, urls: " in hint for hint in report.hints)
    assert report.answer is not None
    assert (report.answer.source, report.answer.end) == ("dom", "'finished' is visible")


async def test_the_picture_shows_the_roles_and_no_secret(browsers, site):
    plain = await try_variant(browsers, site, ask=None)
    locked = await try_variant(browsers, site, "login", ask=None)

    assert plain.screenshot is not None
    with Image.open(io.BytesIO(plain.screenshot)) as opened:
        colours = {colour for _, colour in opened.convert("RGB").getcolors(1 << 24) or []}
    assert {(0xD4, 0, 0), (0, 0x57, 0xD4)} <= colours
    assert locked.screenshot is not None
    with Image.open(io.BytesIO(locked.screenshot)) as opened:
        masked = {c: n for n, c in opened.convert("RGB").getcolors(1 << 24) or []}
    assert masked.get((0x9A, 0xA0, 0xA6), 0) > 1000
    assert locked.advice.startswith("Sign-in is required: ")


async def test_a_chat_in_a_frame_of_another_site_is_tried_and_pictured(browsers, site):
    report = await try_variant(browsers, site, "iframe-cross-site", ask="[[echo:Yes]]")

    assert report.problems == ()
    assert report.answer is not None
    assert report.answer.text == "Yes"
    assert report.screenshot is not None


async def test_an_address_that_leads_nowhere_is_told_and_no_page_is_held(browsers, site):
    profile = parse_profile(profile_data("fetch-sse"))

    report = await try_profile(browsers, TrialPlan(url="http://127.0.0.1:9/", profile=profile, ask="x"))

    assert report.advice.startswith("http://127.0.0.1:9")
    assert (report.roles, report.answer) == ((), None)
    assert browsers.status()["pages"] == 0


# -- the command ------------------------------------------------------------------------------------------------------


async def command(*arguments: str) -> CompletedProcess[bytes]:
    """Run the command as people do; what it prints goes to one stream."""
    line = [sys.executable, "-m", "backend.cli", "try", *arguments]
    return await anyio.run_process(line, check=False, cwd=ROOT, stderr=subprocess.STDOUT)


@pytest.fixture
def profile_file(tmp_path, monkeypatch):
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("DATABASE_URL", "")

    def write(**changes: Any) -> str:
        file = tmp_path / "acme.yaml"
        file.write_text(yaml.safe_dump({**profile_data("fetch-sse"), **QUICK, **changes}), "utf-8")
        return str(file)

    return write


async def test_the_command_ends_with_0_where_nothing_is_to_change(site, profile_file, tmp_path):
    picture = tmp_path / "try.png"

    done = await command(
        site.url, "--profile", profile_file(), "--ask", "[[echo:Yes indeed]]", "--picture", str(picture)
    )

    assert done.returncode == 0, done.stdout.decode()
    assert done.stdout.decode().splitlines()[-1] == "Nothing to change."
    assert "answer from the wire, its end seen by the end mark of its stream" in done.stdout.decode()
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert picture.stat().st_mode & 0o777 == 0o600
    assert not (tmp_path / "data").exists()


async def test_the_command_ends_with_1_and_the_line_that_says_what_to_change(site, profile_file, tmp_path):
    file = profile_file(input="textarea.promt")
    picture = str(tmp_path / "try.png")

    plain = await command(site.url, "--profile", file, "--picture", picture)
    as_json = await command(site.url, "--profile", file, "--picture", picture, "--json")

    assert plain.returncode == as_json.returncode == 1
    assert plain.stdout.decode().splitlines()[-1].startswith("change: 'input' matches nothing on the page")
    document = json.loads(as_json.stdout)
    assert (document["ok"], document["error"]["code"]) == (False, "site_changed")
    assert document["advice"] in plain.stdout.decode()
    assert document["screenshot"] == picture


async def test_a_profile_that_is_no_profile_is_something_to_change(site, profile_file):
    done = await command(site.url, "--profile", profile_file(sned="button"))

    assert done.returncode == 1
    assert "acme.yaml:" in done.stdout.decode()
    assert "sned: is not a key of a profile; did you mean send?" in done.stdout.decode()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("ftp://x/", "--profile", "llama-cpp"), "ftp://x/ is not an http address."),
        (("http://x/", "--profile", "nobody"), "there is no profile 'nobody'; there are: "),
        (("http://x/", "--profile", "llama-cpp", "--session", "missing.json"), "The session can't be used: "),
        (("http://x/", "--profile", "llama-cpp", "--account", "acme"), "there is no endpoint 'acme'"),
        (("http://x/",), "Missing option"),
    ],
)
async def test_what_cannot_be_used_ends_with_2(profile_file, arguments, said):
    done = await command(*arguments)

    assert done.returncode == 2
    assert said in done.stdout.decode()


async def test_watching_tries_again_when_the_file_is_saved(site, profile_file, tmp_path):
    file = profile_file(input="textarea.promt")
    told: list[str] = []
    request = TrialRequest(
        url=site.url,
        profile=file,
        ask=None,
        session=None,
        account=None,
        picture=tmp_path / "try.png",
        headed=False,
        as_json=False,
        watch=True,
    )

    async with anyio.create_task_group() as watching:

        def mend(line: str) -> None:
            told.append(line)
            if line.startswith("Waiting for") and "Nothing to change." not in told:
                profile_file()
            elif line == "Nothing to change.":
                watching.cancel_scope.cancel()

        watching.start_soon(run_trials, request, Settings(), mend)

    first = told.index(f"Waiting for {file} to be saved; Ctrl+C ends.")
    assert told[first - 1].startswith("change: 'input' matches nothing")
    assert "Nothing to change." in told[first:]
