"""What the demo says to the gateway, first run or not, and how a refusal reads."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from demo.gateway import Gateway, RefusedError
from demo.processes import DemoError


@contextmanager
def answering(answers, keys=None):
    """A gateway that gives each path's answers in turn (the last one stays), notes what it was asked and by which keys."""
    asked = []
    keys = [] if keys is None else keys

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            keys.append(self.headers.get("Authorization"))
            asked.append((f"{self.command} {self.path}", json.loads(body or b"null")))
            turns = answers.get(asked[-1][0], [(200, {})])
            status, reply = turns.pop(0) if len(turns) > 1 else turns[0]
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(reply).encode())

        do_GET = do_PATCH = do_POST  # noqa: N815

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield Gateway(f"http://127.0.0.1:{server.server_port}"), asked
        server.shutdown()
        thread.join()


def refusal(status, code):
    return status, {"error": {"code": code, "message": "in words"}}


PAGE = {"base_url": "http://127.0.0.1:9/", "profile": "llama-cpp"}
CREATE = ("POST /api/endpoints/", {"name": "demo", "provider_type": "web_chat", **PAGE})
PATCH = ("PATCH /api/endpoints/demo", PAGE)
START = ("POST /api/endpoints/demo/start", None)
RESTART = ("POST /api/endpoints/demo/restart", None)


@pytest.mark.parametrize(
    ("refusals", "expected"),
    [
        ({}, [CREATE, START]),
        ({CREATE[0]: [refusal(409, "name_taken")]}, [CREATE, PATCH, START]),
        (
            {CREATE[0]: [refusal(409, "name_taken")], START[0]: [refusal(409, "already_running")]},
            [CREATE, PATCH, START, RESTART],
        ),
    ],
    ids=["first run", "stopped endpoint of an earlier run", "running endpoint of an earlier run"],
)
def test_the_endpoint_is_created_or_corrected_and_then_started(refusals, expected):
    with answering(refusals) as (gateway, asked):
        gateway.serve_endpoint("demo", PAGE["base_url"], PAGE["profile"])

    assert asked == expected


@pytest.mark.parametrize("path", [CREATE[0], START[0]])
def test_another_refusal_is_an_error_in_the_gateways_words(path):
    with (
        answering({path: [refusal(422, "profile_invalid")]}) as (gateway, _),
        pytest.raises(RefusedError, match=r"was refused: in words \(profile_invalid\)"),
    ):
        gateway.serve_endpoint("demo", PAGE["base_url"], PAGE["profile"])


def test_a_refusal_in_no_known_form_shows_status_and_body():
    with (
        answering({CREATE[0]: [(502, "from a proxy")]}) as (gateway, _),
        pytest.raises(RefusedError, match=r'"from a proxy" \(HTTP 502\)'),
    ):
        gateway.serve_endpoint("demo", PAGE["base_url"], PAGE["profile"])


def states(*names):
    return {"GET /api/endpoints/demo": [(200, {"state": name, "state_reason": "in words"}) for name in names]}


def test_every_change_of_state_is_reported_once_until_the_endpoint_is_active():
    reported: list[str] = []

    with answering(states("inactive", "initializing", "initializing", "active")) as (gateway, _):
        gateway.wait_until_active("demo", 30, reported.append, lambda: None)

    assert reported == ["inactive", "initializing", "active"]


@pytest.mark.parametrize("state", ["error", "authentication_required", "rate_limited"])
def test_a_state_that_it_does_not_leave_by_itself_ends_the_wait_with_the_reason(state):
    with (
        answering(states("initializing", state)) as (gateway, _),
        pytest.raises(DemoError, match=f"in state {state}: in words"),
    ):
        gateway.wait_until_active("demo", 30, lambda _: None, lambda: None)


def test_the_wait_for_an_active_endpoint_has_an_end():
    with (
        answering(states("initializing")) as (gateway, _),
        pytest.raises(DemoError, match="still initializing after 0 s"),
    ):
        gateway.wait_until_active("demo", 0, lambda _: None, lambda: None)


def test_a_gateway_that_is_not_there_is_an_error():
    with pytest.raises(DemoError, match="POST /api/endpoints/ failed"):
        Gateway("http://127.0.0.1:9").serve_endpoint("demo", PAGE["base_url"], PAGE["profile"])


ASK = "POST /v1/chat/completions"


def test_an_endpoint_is_asked_and_its_whole_answer_returned():
    reply = (200, {"choices": [{"message": {"role": "assistant", "content": "two\nlines"}}]})

    with answering({ASK: [reply]}) as (gateway, asked):
        answer = gateway.ask("demo", "Hello?")

    assert answer == "two\nlines"
    assert asked == [(ASK, {"model": "demo", "messages": [{"role": "user", "content": "Hello?"}]})]


@pytest.mark.parametrize("reply", [{}, {"choices": []}, None])
def test_a_reply_without_an_answer_is_told(reply):
    with answering({ASK: [(200, reply)]}) as (gateway, _), pytest.raises(DemoError, match="did not answer"):
        gateway.ask("demo", "Hello?")


def test_the_key_is_shown_where_there_is_one():
    keys: list[str | None] = []
    with answering({}, keys) as (gateway, _):
        Gateway(gateway.url, "sk-here").serve_endpoint("demo", PAGE["base_url"], PAGE["profile"])
        gateway.serve_endpoint("demo", PAGE["base_url"], PAGE["profile"])

    assert keys == ["Bearer sk-here", "Bearer sk-here", None, None]
