"""Calls the gateway's REST API for the demo, as any script would."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

from demo.processes import DIRECT, DemoError

_CALL_S = 60.0
_AT_AN_END = {"error", "authentication_required", "rate_limited"}


class RefusedError(DemoError):
    """The gateway answered with an error.

    Attributes:
        code: The error's code, such as ``name_taken``.
    """

    def __init__(self, what: str, code: str, message: str) -> None:
        super().__init__(f"{what} was refused: {message} ({code})")
        self.code = code


class Gateway:
    """The REST API at ``url``, such as ``http://127.0.0.1:8000``, with the key that it wants, if any."""

    def __init__(self, url: str, api_key: str = "") -> None:
        self.url = url
        self._headers = {"Content-Type": "application/json"}
        if api_key:
            self._headers["Authorization"] = f"Bearer {api_key}"

    def serve_endpoint(self, name: str, base_url: str, profile: object) -> None:
        """Create the endpoint, or correct the one of an earlier run, and start it.

        Raises:
            RefusedError: The gateway refused.
        """
        page = {"base_url": base_url, "profile": profile}
        try:
            self._call("POST", "/api/endpoints/", {"name": name, "provider_type": "web_chat", **page})
        except RefusedError as exc:
            if exc.code != "name_taken":
                raise
            self._call("PATCH", f"/api/endpoints/{name}", page)
        try:
            self._call("POST", f"/api/endpoints/{name}/start")
        except RefusedError as exc:
            if exc.code != "already_running":
                raise
            self._call("POST", f"/api/endpoints/{name}/restart")

    def wait_until_active(
        self, name: str, limit_s: float, report: Callable[[str], None], pause: Callable[[], None]
    ) -> None:
        """Wait until the endpoint is active, reporting every change of its state.

        Raises:
            DemoError: It reached a state that it won't leave by itself, or ``limit_s`` seconds passed.
        """
        end = time.monotonic() + limit_s
        last = None
        while True:
            endpoint = self._call("GET", f"/api/endpoints/{name}")
            state = endpoint["state"]
            if state != last:
                report(state)
                last = state
            if state == "active":
                return
            if state in _AT_AN_END:
                raise DemoError(f"The endpoint is in state {state}: {endpoint.get('state_reason')}")
            if time.monotonic() > end:
                raise DemoError(f"The endpoint was still {state} after {limit_s:g} s.")
            pause()

    def ask(self, name: str, question: str) -> str:
        """Return the endpoint's whole answer.

        Raises:
            DemoError: The gateway refused, or the answer has no words.
        """
        body = {"model": name, "messages": [{"role": "user", "content": question}]}
        answer = self._call("POST", "/v1/chat/completions", body)
        try:
            return str(answer["choices"][0]["message"]["content"])
        except (LookupError, TypeError) as exc:
            raise DemoError(f"{name} did not answer: {answer}") from exc

    def _call(self, method: str, path: str, body: object = None) -> Any:
        request = urllib.request.Request(
            self.url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers=self._headers,
        )
        try:
            with DIRECT.open(request, timeout=_CALL_S) as response:
                return json.loads(response.read() or b"null")
        except urllib.error.HTTPError as exc:
            raise _refusal(f"{method} {path}", exc.code, exc.read()) from exc
        except (urllib.error.URLError, OSError) as exc:
            raise DemoError(f"{method} {path} failed: {exc}") from exc


def _refusal(what: str, status: int, body: bytes) -> RefusedError:
    try:
        error = json.loads(body)["error"]
        return RefusedError(what, str(error["code"]), str(error["message"]))
    except (ValueError, LookupError, TypeError):
        return RefusedError(what, f"HTTP {status}", body.decode("utf-8", "replace")[:200])
