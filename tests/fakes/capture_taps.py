"""A page's traffic in memory: what a tap would tell of one answer that streams as OpenAI's do."""

import json
from typing import Any

from automation.capture.page_readiness import PageReadiness
from automation.capture.tap_events import BodyBytes, BodyEnded, RequestSent, ResponseBegan
from automation.capture.traffic import Traffic

BY_WIRE: dict[str, Any] = {"wire": {"decoder": "openai_sse", "urls": "*"}}


class TapModel:
    """A network tap that tells what the test says happened."""

    is_arming = False

    def __init__(self):
        self.traffic = Traffic()
        self.readiness = PageReadiness()
        self.sink: Any = None
        self.kept: list[str] = []

    def listen(self, sink):
        self.sink = sink

    def keep_reply(self, request_id):
        self.kept.append(request_id)

    def tell(self, *events):
        for event in events:
            self.sink(event)


def request_left(body="{}"):
    return RequestSent("1", "https://chat.example/api/chat", "POST", body, matches=True)


def response_began(status=200):
    return ResponseBegan("1", "https://chat.example/api/chat", status, "text/event-stream", None)


def piece(text):
    return BodyBytes("1", f"data: {json.dumps({'choices': [{'delta': {'content': text}}]})}\n\n".encode())


def end():
    return BodyBytes("1", b"data: [DONE]\n\n")


def answer_of(*pieces):
    """Every event of an answer that comes in these pieces."""
    return [
        request_left(),
        response_began(),
        *map(piece, pieces),
        end(),
        BodyEnded("1", None),
    ]
