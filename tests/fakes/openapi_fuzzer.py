"""Asks a gateway requests made from its own OpenAPI document, right and wrong ones, and checks every answer against it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import requests
import schemathesis
from anyio import from_thread
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.fakes.scripted_api import Asked, ScriptedApi, Step, answers, completion, streams

CHECKS = [
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
]
PROFILE = {"input": "textarea", "assistant_turn": ".assistant"}
# An event stream without end: what it says is another test's.
ENDLESS = "/api/endpoints/{slug}/events"
THERE = {"slug": "demo", "endpoint": "api", "name": "rota", "account_id": "default"}
# Fields of bodies that random ones hardly ever get right.
SOUND: dict[str, dict[str, Any]] = {
    "/v1/chat/completions": {"model": "api/m"},
    "/v1/responses": {"model": "api/m"},
    "/v1/messages": {"model": "api/m"},
    "/v1/embeddings": {"model": "api/m", "input": "Hello"},
    "/api/rotations/": {"providers": [{"provider_id": "demo"}], "fallbacks": ["api"]},
    "/api/endpoints/": {
        "provider_type": "rest_api",
        "base_url": "http://127.0.0.1:1/v1",
        "preset": "openai_compatible",
        "api": None,
        "fallbacks": [],
        "browser_config": {},
    },
}
ROTATION: dict[str, Any] = {"name": "rota", "providers": [{"provider_id": "api"}]}
EMBEDDED = {"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}], "model": "m"}


class AnsweringApi(ScriptedApi):
    """Answers whatever it is asked."""

    def script_for(self, asked: Asked) -> list[Step]:
        if asked.path.endswith("/embeddings"):
            return answers(EMBEDDED)
        return streams("Hi") if asked.json.get("stream") else answers(completion("Hi"))


@dataclass
class Fuzzer:
    """Asks a gateway that listens, from a thread of anyio's: the clients of these requests block.

    A failing request is told as the command that makes it. It is not made smaller: that takes minutes, in which the test's
    limit passes; and whoever is cancelled meanwhile ends before the next request.
    """

    url: str
    api_url: str
    most: int
    is_random: bool
    asked: int = 0
    statuses: set[int] = field(default_factory=set)

    def run(self) -> None:
        with requests.Session() as session:
            document = session.get(f"{self.url}/openapi.json").json()
            schema = schemathesis.openapi.from_dict(document)
            for result in schema.get_all_operations():
                operation = result.ok()  # type: ignore[union-attr]  # ours is a sound document
                if operation.path == ENDLESS:
                    continue
                self._restore(session)
                for mode in GenerationMode:
                    for strategy in _strategies(operation, mode):
                        self._ask_all(strategy, session)

    def _ask_all(self, strategy: st.SearchStrategy[Any], session: requests.Session) -> None:
        @settings(
            max_examples=self.most,
            database=None,
            deadline=None,
            derandomize=not self.is_random,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=strategy)
        def ask(case: Any) -> None:
            from_thread.check_cancelled()
            self.asked += 1
            got = case.call(base_url=self.url, session=session, timeout=60)
            self.statuses.add(got.status_code)
            assert got.status_code != 500, f"{case.as_curl_command()}\n{got.text}"
            assert "Traceback" not in got.text
            case.validate_response(got, checks=CHECKS)

        ask()

    def _restore(self, session: requests.Session) -> None:
        """Have what is named in ``THERE`` again, whatever was done to it."""
        page: dict[str, Any] = {
            "provider_type": "web_chat",
            "base_url": "http://127.0.0.1:1/",
            "profile": PROFILE,
        }
        api: dict[str, Any] = {"provider_type": "api_token", "base_url": self.api_url, "api_key": "k"}
        for name, body in (("demo", page), ("api", api)):
            session.delete(f"{self.url}/api/endpoints/{name}")
            assert session.post(f"{self.url}/api/endpoints/", json={"name": name, **body}).ok
            assert session.post(f"{self.url}/api/endpoints/{name}/start").ok
        session.delete(f"{self.url}/api/rotations/rota")
        assert session.post(f"{self.url}/api/rotations/", json=ROTATION).ok


def _strategies(operation: Any, mode: GenerationMode) -> Iterator[st.SearchStrategy[Any]]:
    """Yield what asks anything, and what names what is there: random names never meet it."""
    if mode.is_negative and not operation.body.items and not operation.query.items:
        return  # no text is a wrong one in a path
    yield operation.as_strategy(generation_mode=mode)
    known = {name: value for name, value in THERE.items() if f"{{{name}}}" in operation.path}
    if known:
        yield operation.as_strategy(generation_mode=mode, path_parameters=known)
    if mode.is_positive and operation.method == "post" and operation.path in SOUND:
        yield operation.as_strategy(generation_mode=mode).map(_made_sound)


def _made_sound(case: Any) -> Any:
    if isinstance(case.body, dict):
        case.body.update(SOUND[case.operation.path])
    return case
