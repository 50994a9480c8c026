"""Edits of a document, as two chat sites send them (their messages written anew by their published grammar)."""

import json

import pytest

from automation.capture.decoders.by_path.json_patch import JsonPatchDecoder
from automation.capture.decoders.protocol import StreamFormatError, WireAlive, WireEnd, WireError, WireText
from automation.profiles.wire_format import Wire
from automation.turn import ReasoningDelta, SourceFound, TextDelta
from tests.recordings.replay import byte_by_byte, play_body

FRAGMENTS = {
    "text_path": "response.fragments.*[type==RESPONSE].content",
    "reasoning_path": "response.fragments.*[type==THINK].content",
    "error_path": "[type==error].content",
    "end": "response.status==FINISHED",
}
MESSAGES = {
    "text_path": "message[author.role==assistant][channel!=commentary].content[content_type==text].parts.*",
    "reasoning_path": "message.content.thoughts.*.content",
    "end": ["[DONE]", "type==message_stream_complete"],
}


def decoder(keys):
    return JsonPatchDecoder(Wire(decoder="json_patch", urls="*", **keys))


def sent(*messages, event=None):
    head = f"event: {event}\n" if event else ""
    lines = (one if isinstance(one, str) else json.dumps(one) for one in messages)
    return "".join(f"{head}data: {line}\n\n" for line in lines).encode()


def fragment(kind, content, **more):
    return {"type": kind, "content": content, **more}


def text_of(text):
    return {"content_type": "text", "parts": [text]}


SITES = {
    "fragments, sticky path and operation": (
        FRAGMENTS,
        sent({"request_message_id": 1, "response_message_id": 2}, event="ready")
        + sent(
            {"v": {"response": {"status": "WIP", "fragments": [fragment("THINK", "We", elapsed=None)]}}},
            {"p": "response/fragments/-1/content", "o": "APPEND", "v": " are"},
            {"v": " asked"},
            {"p": "response/fragments/-1/elapsed", "o": "SET", "v": 4.1},
            {"p": "response/fragments", "o": "APPEND", "v": [fragment("RESPONSE", "Hel")]},
            {"p": "response/fragments/-1/content", "v": "lo"},
            {"v": "!"},
            {"p": "response", "o": "BATCH", "v": [{"p": "usage", "v": 57}, {"p": "quasi", "v": "FINISHED"}]},
            {"p": "response/fragments", "o": "APPEND", "v": [fragment("TIP", "AI-generated")]},
            {"p": "response/status", "o": "SET", "v": "FINISHED"},
        )
        + sent({}, event="finish"),
        ("Hello!", "We are asked", [WireEnd()]),
    ),
    "fragments that a batch begins, an operation taken over from a batch": (
        FRAGMENTS,
        sent(
            {"v": {"response": {"status": "WIP", "fragments": []}}},
            {
                "p": "response",
                "o": "BATCH",
                "v": [{"p": "fragments", "o": "APPEND", "v": [fragment("RESPONSE", "")]}],
            },
            {"p": "response/fragments/0/content", "o": "APPEND", "v": "Hi"},
            {"p": "response", "o": "BATCH", "v": []},
            {"p": "response/status", "v": "FINISHED"},
        ),
        ("Hi", "", [WireEnd()]),
    ),
    "messages, one document each": (
        MESSAGES,
        sent('"v1"', event="delta_encoding")
        + sent({"type": "resume_conversation_token", "token": "T"})
        + sent(
            {
                "p": "",
                "o": "add",
                "v": {"message": {"author": {"role": "user"}, "content": text_of("hi")}},
                "c": 0,
            },
            {
                "v": {
                    "message": {
                        "author": {"role": "assistant"},
                        "content": {"content_type": "thoughts", "thoughts": []},
                    }
                },
                "c": 1,
            },
            {"p": "/message/content/thoughts", "o": "append", "v": [{"summary": "Plan", "content": ""}]},
            {"p": "/message/content/thoughts/0/content", "o": "append", "v": "First"},
            {
                "v": {
                    "message": {"author": {"role": "assistant"}, "channel": "final", "content": text_of("")}
                },
                "c": 2,
            },
            {"p": "/message/content/parts/0", "o": "append", "v": "Hel"},
            {"v": "lo"},
            {
                "p": "",
                "o": "patch",
                "v": [
                    {"p": "/message/content/parts/0", "o": "append", "v": "!"},
                    {"p": "/message/status", "o": "replace", "v": "finished_successfully"},
                ],
            },
            event="delta",
        )
        + sent({"type": "message_stream_complete"}, "[DONE]"),
        ("Hello!", "First", [WireEnd()]),
    ),
    "lists of edits in the words of RFC 6902": (
        {"text_path": "chunks.*", "end": "@close"},
        sent(
            [{"op": "add", "path": "/chunks", "value": []}],
            [
                {"op": "add", "path": "/chunks/-", "value": "b"},
                {"op": "add", "path": "/chunks/0", "value": "a"},
            ],
            [{"op": "add", "path": "/a~1b", "value": "x"}, {"op": "remove", "path": "/a~1b"}],
        ),
        ("ab", "", [WireEnd()]),
    ),
}


@pytest.mark.parametrize("split", [list, byte_by_byte])
@pytest.mark.parametrize(("keys", "stream", "expected"), SITES.values(), ids=SITES)
def test_the_document_that_the_edits_make_is_read(keys, stream, expected, split):
    told = play_body(split([stream]), decoder(keys))

    assert (told.text, told.reasoning, told.ends) == expected


def test_each_edit_tells_what_it_added():
    reader = decoder(FRAGMENTS)

    events = reader.feed(
        sent(
            {"v": {"response": {"fragments": [fragment("THINK", "a")]}}},
            {"p": "response/fragments", "o": "APPEND", "v": fragment("RESPONSE", "b")},
            {"p": "response/fragments/1", "o": "APPEND", "v": {"id": 5}},
            {"p": "response/fragments/1/content", "v": "c"},
            {"o": "SET", "v": "d"},
            {"p": "response/new", "o": "APPEND", "v": "e"},
        )
    )

    assert events == [
        ReasoningDelta("a"),
        TextDelta("b"),
        WireAlive(),
        TextDelta("c"),
        WireText("d", "a"),
        WireAlive(),
    ]


def test_an_answer_in_several_documents_is_joined():
    stream = sent(
        {"p": "", "o": "add", "v": {"t": "one"}, "c": 1},
        {"v": {"t": ""}, "c": 2},
        {"v": {"t": "two"}, "c": 3},
    )

    assert play_body([stream], decoder({"text_path": "t", "end": "@close"})).text == "one\n\ntwo"


def test_sources_and_errors_are_found_in_edits_and_in_other_messages():
    reader = decoder({**FRAGMENTS, "sources_path": "response.fragments.*.results"})
    results = {"type": "SEARCH", "results": [{"url": "https://a.example", "title": "A"}]}

    events = reader.feed(
        sent({"v": {"response": {"fragments": [results]}}}, {"p": "response/x", "v": 1})
        + sent({"type": "error", "content": "Too many requests"}, event="hint")
    )

    assert events == [
        SourceFound("https://a.example", "A"),
        WireAlive(),
        WireError("Too many requests", "rate_limited"),
    ]


@pytest.mark.parametrize(
    "edit",
    [
        {"p": "a/b", "o": "SET", "v": 1},
        {"p": "t/0/x", "o": "SET", "v": 1},
        {"p": "list/7", "o": "SET", "v": 1},
        {"p": "list/x", "o": "SET", "v": 1},
        {"p": "list/x", "o": "ADD", "v": 1},
        {"p": "missing", "o": "remove"},
        {"p": "n", "o": "APPEND", "v": "x"},
        {"p": "t", "o": "APPEND", "v": 5},
        {"p": "t", "o": "truncate", "v": 1},
        {"p": 5, "o": "SET", "v": 1},
        {"p": "", "o": "BATCH", "v": [5]},
        {"p": "t", "o": "SET", "v": 5},
    ],
)
def test_an_edit_that_does_not_fit_is_refused(edit):
    reader = decoder({"text_path": "t", "end": "@close"})
    reader.feed(sent({"v": {"t": "text", "list": [1], "n": 5}}))

    with pytest.raises(StreamFormatError):
        reader.feed(sent(edit))
