"""Decodes Streamlit (1.x) on ``/_stcore/stream``: Protocol Buffers messages in binary frames. Pure.

The page sends the text of ``st.chat_input`` and the server runs the whole script anew, history included. Each update
of ``st.write_stream`` or ``st.markdown`` holds the whole Markdown of its element (``textwrap.dedent`` and ``strip``
applied by Streamlit). The end is ``script_finished`` of that run; a run that ends early for a rerun is followed by
another, which draws the answer once more. Stopping looks like a successful end: only the page's own ``stop_script``
and the element's ``unterminated_parsing`` tell. Apps without ``st.chat_input`` are not read here.
"""

from __future__ import annotations

from textwrap import dedent

from automation.capture.decoders.answer import AnswerSoFar
from automation.capture.decoders.error_words import error_from_words
from automation.capture.decoders.framing.protobuf_wire import ProtoMessage
from automation.capture.decoders.joined_answer import WatchedParts, joined
from automation.capture.decoders.protocol import StreamFormatError, WireAlive, WireEnd, WireEvent
from automation.capture.decoders.uis.streamlit_fields import (
    Alert,
    BackMsg,
    Delta,
    Element,
    ExceptionElement,
    ForwardMsg,
    Metadata,
    SessionEvent,
)
from automation.capture.decoders.uis.streamlit_turn import Path, RunTurn


class StreamlitDecoder:
    """Decodes the turn that the page's last chat input began.

    Args:
        tail: Text that the app appends to an unfinished answer, such as a cursor.
    """

    def __init__(self, tail: str = "") -> None:
        self._tail = tail
        self._cached: dict[str, bytes] = {}  # hash -> delta
        self._begin("")
        self._is_over = True

    def _begin(self, prompt: str) -> None:
        self._prompt = dedent(prompt).strip()
        self._run_id: str | None = None
        self._run = RunTurn()
        self._is_over = False
        self._is_stopped = False
        self._answer = AnswerSoFar()
        self._texts, self._thoughts = WatchedParts(), WatchedParts()
        self._is_all_told = True  # what the run shows is what was told, not the beginning of it

    def requested(self, url: str, body: str | None) -> list[WireEvent]:  # noqa: ARG002 - of the protocol
        """Return nothing: Streamlit takes prompts by socket."""
        return []

    def sent(self, payload: str | bytes) -> list[WireEvent]:
        """Note the prompt, and whether the page asked to stop.

        Raises:
            StreamFormatError: A binary frame is not a message of Protocol Buffers.
        """
        if isinstance(payload, str):
            return []
        message = ProtoMessage(payload)
        if message.flag(BackMsg.STOP_SCRIPT):
            self._is_stopped = True
        prompt = _find_prompt(message.message(BackMsg.RERUN_SCRIPT))
        if not prompt:
            return []
        self._begin(prompt)
        return [WireAlive()]

    def received(self, payload: str | bytes) -> list[WireEvent]:
        """Return the events of one frame.

        Raises:
            StreamFormatError: It is not a message of Protocol Buffers.
        """
        if isinstance(payload, str):
            raise StreamFormatError("a text frame, where Streamlit sends binary ones")
        message = ProtoMessage(payload)
        metadata = message.message(ForwardMsg.METADATA)
        if metadata.flag(Metadata.CACHEABLE):
            self._cached[message.text(ForwardMsg.HASH)] = message.data(ForwardMsg.DELTA)
        if self._is_over:
            return []
        if ForwardMsg.NEW_SESSION in message:
            self._run_id, self._run = _run_id(metadata), RunTurn()
            return [WireAlive()]
        return [] if self._run_id is None else self._in_run(message, metadata)

    def _in_run(self, message: ProtoMessage, metadata: ProtoMessage) -> list[WireEvent]:
        path: Path = metadata.numbers(Metadata.DELTA_PATH)
        if ForwardMsg.DELTA in message:
            return self._delta(path, message.message(ForwardMsg.DELTA))
        if ForwardMsg.REF_HASH in message:
            cached = self._cached.get(message.text(ForwardMsg.REF_HASH))
            if cached is not None:
                return self._delta(path, ProtoMessage(cached))
            self._run.add_unknown(path)
            return self._show()
        if ForwardMsg.SCRIPT_FINISHED in message and _run_id(metadata) in {"", self._run_id}:
            return self._finished(message.number(ForwardMsg.SCRIPT_FINISHED))
        failure = message.message(ForwardMsg.SESSION_EVENT).message(SessionEvent.SCRIPT_COMPILATION_EXCEPTION)
        return self._exception(failure)

    def _delta(self, path: Path, delta: ProtoMessage) -> list[WireEvent]:
        if Delta.ADD_BLOCK in delta:
            self._run.add_block(path, delta.message(Delta.ADD_BLOCK))
            return [WireAlive()]
        element = delta.message(Delta.NEW_ELEMENT)
        if Element.MARKDOWN in element:
            self._run.add_markdown(path, element.message(Element.MARKDOWN))
            return self._show()
        if Element.EXCEPTION in element:
            return self._exception(element.message(Element.EXCEPTION))
        if Element.ALERT in element and self._run.is_new and self._run.is_in_answer(path):
            return self._alert(path, element.message(Element.ALERT))
        if Element.CHAT_INPUT in element:
            self._run.has_input = True
        elif Delta.NEW_ELEMENT in delta:
            self._run.add_other(path)
        return []

    def _exception(self, exception: ProtoMessage) -> list[WireEvent]:
        words = exception.text(ExceptionElement.MESSAGE) or exception.text(ExceptionElement.TYPE)
        return self._fail(words) if words and not exception.flag(ExceptionElement.IS_WARNING) else []

    def _alert(self, path: Path, alert: ProtoMessage) -> list[WireEvent]:
        if alert.number(Alert.FORMAT) == Alert.ERROR:
            return self._fail(alert.text(Alert.BODY))
        self._run.add_other(path)
        return []

    def _show(self) -> list[WireEvent]:
        if not (self._run.is_new and self._run.has_answer):
            return []
        texts, thoughts = self._run.answer(self._tail)
        more, more_thought = self._texts.growth(texts), self._thoughts.growth(thoughts)
        if more is None or more_thought is None or not self._is_all_told:
            return self._show_whole(joined(texts), joined(thoughts))
        return self._answer.grow(more, more_thought)

    def _show_whole(self, text: str, reasoning: str) -> list[WireEvent]:
        told = self._answer
        if told.text.startswith(text) and told.reasoning.startswith(reasoning):
            # A rerun draws again what was told; if it stays shorter, the end says so.
            self._is_all_told = told.sizes == (len(text), len(reasoning))
            return []
        self._is_all_told = True
        return told.become(text, reasoning)

    def _finished(self, status: int) -> list[WireEvent]:
        if status == ForwardMsg.FINISHED_WITH_COMPILE_ERROR:
            return self._fail("the app's script did not compile")
        if status == ForwardMsg.FINISHED_EARLY_FOR_RERUN:
            return [WireAlive()]
        if self._is_stopped or (self._run.is_new and self._run.is_unterminated):
            return self._fail("the app's script was stopped before its answer was complete")
        if not self._run.has_answer or not (self._run.is_new or self._run.user_text == self._prompt):
            return []
        self._is_over = True
        return [*self._final(), WireEnd()]

    def _final(self) -> list[WireEvent]:
        text, reasoning = map(joined, self._run.answer(""))
        told = self._answer
        # Before a cursor Streamlit leaves the spaces that it strips from the finished element.
        return told.become(told.text if told.text.strip() == text.strip() else text, reasoning)

    def _fail(self, words: str) -> list[WireEvent]:
        self._is_over = True
        return [error_from_words(words)]


def _run_id(metadata: ProtoMessage) -> str:
    return metadata.message(Metadata.RUN).text(Metadata.RUN_SCRIPT_RUN_ID)


def _find_prompt(client_state: ProtoMessage) -> str:
    states = client_state.message(BackMsg.CLIENT_STATE_WIDGET_STATES)
    for state in states.messages(BackMsg.WIDGET_STATES_WIDGETS):
        prompt = state.message(BackMsg.WIDGET_STATE_CHAT_INPUT_VALUE).text(BackMsg.CHAT_INPUT_VALUE_DATA)
        if prompt:
            return prompt
    return ""
