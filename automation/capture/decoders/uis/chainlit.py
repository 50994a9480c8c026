"""Decodes Chainlit (2.x) on ``/ws/socket.io``: steps and their tokens as Socket.IO events. Pure.

The page sends ``client_message`` with an id; the server answers with a step of type ``run`` whose ``parentId`` is that
id, and with the messages and steps beneath it. ``stream_token`` holds deltas, ``new_message`` and ``update_message``
the exact text. ``task_end`` names no task, so it is the turn's end only once the turn's own run has its ``end`` time.
A stopped run is marked ``isError`` after a message of Chainlit's own ("Task manually stopped.").
"""

from __future__ import annotations

import re
from typing import Any

from automation.capture.decoders.error_words import error_from_words
from automation.capture.decoders.framing.engine_io import SocketEvent, parse_events
from automation.capture.decoders.framing.json_shape import as_dict, as_text
from automation.capture.decoders.joined_answer import JoinedAnswer, build_parts
from automation.capture.decoders.protocol import WireAlive, WireEnd, WireEvent
from automation.growing_text import Text, grown

_THOUGHT = re.compile(r"think|thought|reason", re.IGNORECASE)
_STEP_EVENTS = frozenset({"new_message", "update_message", "stream_start"})
_MESSAGES_BETWEEN = "\n\n"


class ChainlitDecoder:
    """Decodes the turn that the page's last ``client_message`` began."""

    def __init__(self) -> None:
        self._begin("")
        self._is_over = True

    def _begin(self, request_id: str) -> None:
        self._turn_ids = {request_id}  # of the user's message, the run, and all steps beneath
        self._request_id = request_id
        self._run_id = ""
        self._has_run_ended = False
        self._is_over = False
        self._is_stopped = False
        self._stop_words = ""
        self._answers: dict[str, Text] = {}  # step id -> text, in order of appearance
        self._thoughts: dict[str, Text] = {}
        self._answer = JoinedAnswer()

    def requested(self, url: str, body: str | None) -> list[WireEvent]:  # noqa: ARG002 - of the protocol
        """Return nothing: Chainlit takes prompts by socket."""
        return []

    def sent(self, payload: str | bytes) -> list[WireEvent]:
        """Note the id of the user's message, and whether the page asked to stop.

        Raises:
            StreamFormatError: It is not a frame of Socket.IO.
        """
        events: list[WireEvent] = []
        for event in parse_events(payload) if isinstance(payload, str) else ():
            if event.name == "client_message":
                self._begin(as_text(as_dict(as_dict(event.argument).get("message")).get("id")))
                events.append(WireAlive())
            elif event.name == "stop":
                self._is_stopped = True
        return events

    def received(self, payload: str | bytes) -> list[WireEvent]:
        """Return the events of one frame; binary attachments have none.

        Raises:
            StreamFormatError: It is not a frame of Socket.IO.
        """
        events: list[WireEvent] = []
        for event in parse_events(payload) if isinstance(payload, str) else ():
            if not self._is_over:
                events += self._event(event)
        return events

    def _event(self, event: SocketEvent) -> list[WireEvent]:
        argument = as_dict(event.argument)
        if event.name in _STEP_EVENTS:
            return self._run(argument) if argument.get("type") == "run" else self._step(argument)
        if event.name == "stream_token":
            return self._token(argument)
        if event.name == "task_end" and self._has_run_ended:
            self._is_over = True
            return [WireEnd()]
        if event.name == "connect_error":
            return self._fail(as_text(event.argument) or event.name)
        return []

    def _run(self, run: dict[str, Any]) -> list[WireEvent]:
        if run.get("parentId") == self._request_id:
            self._run_id = as_text(run.get("id"))
            self._turn_ids.add(self._run_id)
        if run.get("id") != self._run_id:
            return []
        if run.get("isError"):
            return self._fail(
                as_text(run.get("output")) or self._stop_words or "the run failed without a word"
            )
        self._has_run_ended = run.get("end") is not None
        return [WireAlive()]

    def _step(self, step: dict[str, Any]) -> list[WireEvent]:
        step_id, output = as_text(step.get("id")), as_text(step.get("output"))
        # Steps outside a context have no parent; those with another parent are another run's.
        if step.get("parentId") is not None and step["parentId"] not in self._turn_ids:
            return []
        if step.get("type") == "assistant_message" and self._is_stopped and step_id not in self._answers:
            self._stop_words = output
            return []
        self._turn_ids.add(step_id)
        if step.get("type") == "assistant_message":
            if step.get("isError"):
                return self._fail(output)
            self._answers[step_id] = output
        elif step.get("type") != "user_message" and _THOUGHT.search(as_text(step.get("name"))):
            self._thoughts[step_id] = output
        return self._show()

    def _token(self, token: dict[str, Any]) -> list[WireEvent]:
        step_id, text = as_text(token.get("id")), as_text(token.get("token"))
        for texts in (self._answers, self._thoughts):
            if step_id in texts and not token.get("isInput"):
                texts[step_id] = text if token.get("isSequence") else grown(texts[step_id], text)
        return self._show()

    def _show(self) -> list[WireEvent]:
        texts, thoughts = (
            build_parts(texts.values(), _MESSAGES_BETWEEN) for texts in (self._answers, self._thoughts)
        )
        return self._answer.become(texts, thoughts) or [WireAlive()]

    def _fail(self, words: str) -> list[WireEvent]:
        self._is_over = True
        return [error_from_words(words)]
