"""A small local chat page without a model, for machines that the demo's real site has no wheels for.

It speaks the stream that OpenAI's API speaks, and every answer says that no model wrote it.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

PAGE = Path(__file__).with_name("bundled_page.html")
WORD_PAUSE_S = 0.03
_STOPPED = threading.Event()


def answer_to(question: str) -> str:
    """Return the page's answer: Markdown that says what it is, and the question's size."""
    words = len(question.split())
    return (
        "This is Parley's **bundled demonstration page**: no language model is behind it, and this answer is fixed. "
        f"Your message arrived complete, with {len(question)} characters in {words} words.\n\n"
        "What you see is real all the same:\n\n"
        "- a browser typed your message into this page,\n"
        "- the page streamed this answer word by word,\n"
        "- and the gateway passed it on as it came.\n"
    )


def stream_of(answer: str) -> Iterator[bytes]:
    """Yield the answer as server-sent events of OpenAI's chat completions, a word at a time."""
    for word in answer.replace(" ", " \0").split("\0"):
        yield _event({"choices": [{"index": 0, "delta": {"content": word}, "finish_reason": None}]})
    yield _event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    yield b"data: [DONE]\n\n"


def _event(data: object) -> bytes:
    return f"data: {json.dumps(data)}\n\n".encode()


@contextmanager
def serve_bundled(host: str, port: int, word_pause_s: float = WORD_PAUSE_S) -> Iterator[int]:
    """Serve the page in threads while the block runs; give the port, which is a free one if ``port`` is 0."""
    handler = type("Handler", (_Handler,), {"word_pause_s": word_pause_s})
    with ThreadingHTTPServer((host, port), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    word_pause_s = WORD_PAUSE_S

    def do_GET(self) -> None:
        """Serve the page itself, and nothing else."""
        if self.path.partition("?")[0] != "/":
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        body = PAGE.read_bytes()
        self._head("text/html; charset=utf-8")
        self.wfile.write(body)

    def do_POST(self) -> None:
        """Answer ``/v1/chat/completions``, streaming."""
        question = self._question() if self.path == "/v1/chat/completions" else None
        if question is None:
            self.send_error(HTTPStatus.BAD_REQUEST)
            return
        self._head("text/event-stream")
        try:
            for event in stream_of(answer_to(question)):
                self.wfile.write(event)
                _STOPPED.wait(self.word_pause_s)
        except ConnectionError:
            return  # the page stopped the answer or went away

    def _question(self) -> str | None:
        """Return the last message of the request, or None when the body is not such a request."""
        try:
            body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", "0"))))
            return str(body["messages"][-1]["content"])
        except (ValueError, LookupError, TypeError):
            return None

    def _head(self, content_type: str) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", content_type)
        self.send_header("Cache-Control", "no-store")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Log nothing: requests carry no news here."""
