"""The programs of docs/library.md run as they stand there, against an API on a socket."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tests.contract.test_seed_snippets import run
from tests.fakes.scripted_api import answers, completion, streams

DOCUMENT = (Path(__file__).parents[2] / "docs" / "library.md").read_text("utf-8")
PROGRAMS = re.findall(r"```python\n(.*?)```", DOCUMENT, re.DOTALL)
HOME = "http://127.0.0.1:1234/v1"


async def test_the_manager_of_the_document_answers_whole_and_streamed(api):
    api.plays(answers(completion("Hi!"), headers={"connection": "close"}), streams("Hel", "lo"))

    printed = await run(PROGRAMS[0].replace(HOME, api.url))

    assert printed == "Hi!\nHel\nlo"
    assert api.asked[0].json["temperature"] == 0
    assert api.asked[0].headers["authorization"] == "Bearer your-key"


async def test_the_page_of_the_document_is_registered():
    from automation import WebProviderBase
    from backend.providers import ProviderFactory

    await run(PROGRAMS[1])

    made = ProviderFactory.create_provider("my_web", {"base_url": "http://127.0.0.1:1/"})
    assert isinstance(made, WebProviderBase)
    assert made.selectors["chat_input"] == "textarea.prompt"


async def test_the_file_of_the_document_is_called(api, tmp_path):
    api.plays(answers(completion("Hi!")))
    found = re.search(r"```json\n(.*?)```", DOCUMENT, re.DOTALL)
    assert found is not None
    document = json.loads(found[1])
    document["providers"]["deepseek"]["base_url"] = api.url
    path = tmp_path / "config.json"
    path.write_text(json.dumps(document))

    printed = await run(PROGRAMS[2].replace('"config.json"', repr(str(path))))

    assert printed == "Hi! None [] account-1"
    assert api.asked[0].json["model"] == "deepseek-chat"
