"""What leaves the page is the prompt as it was entered, or no answer to it is used."""

import json

import pytest

from automation.capture.sent_prompt import SentPrompt, carries_prompt
from automation.capture.tap_events import BodyBytes, RequestSent, ResponseBegan, SocketMessage
from automation.errors import PromptRejectedError

PROMPT = "Compare these two:\n\n\tfirst line\n\tsecond line"
CHANGED = "Compare these two:\nfirst line\nsecond line"


def request(body=None, url="https://x/api/chat"):
    return RequestSent("1", url, "POST", body, matches=True)


def message(payload, *, outgoing=True):
    return SocketMessage("1", payload, outgoing)


def watched(*events, prompt=PROMPT):
    sent = SentPrompt(prompt)
    for event in events:
        sent.see(event)
    return sent


def is_refused(*events, prompt=PROMPT):
    try:
        watched(*events, prompt=prompt).check()
    except PromptRejectedError:
        return True
    return False


def as_json(text):
    return json.dumps({"messages": [{"role": "user", "content": text}]})


EXACT = [
    request(as_json(PROMPT)),
    request(as_json(PROMPT.replace("\n", "\r\n"))),
    request(as_json(f"You are helpful.\n\n{PROMPT}\n")),
    request(PROMPT),
    request(json.dumps({"payload": as_json(PROMPT)})),
    request(None, "https://x/ask?q=Compare%20these%20two%3A%0A%0A%09first%20line%0A%09second%20line"),
    request("q=Compare+these+two%3A%0A%0A%09first+line%0A%09second+line"),
    message("42" + json.dumps(["send", {"text": PROMPT}])),
    message(f"42/chat,7{json.dumps(['send', PROMPT])}"),
    message(as_json(PROMPT).encode()),
]


@pytest.mark.parametrize("event", EXACT, ids=range(len(EXACT)))
def test_a_prompt_that_left_as_it_was_entered_may_be_answered(event):
    assert not is_refused(request(as_json(CHANGED)), event, request(as_json(CHANGED)))


@pytest.mark.parametrize(
    "event",
    [
        request(as_json(CHANGED)),
        request(CHANGED),
        message("42" + json.dumps(["send", {"text": CHANGED}])),
        request(as_json(PROMPT.replace("\t", "").replace("two", "2"))),
    ],
    ids=range(4),
)
def test_a_changed_copy_alone_is_refused(event):
    with pytest.raises(PromptRejectedError, match="changed this prompt when it sent it"):
        watched(event).check()


@pytest.mark.parametrize(
    "event",
    [
        request(None),
        request('{"broken": '),
        request(as_json("Something else altogether, of about the same length")),
        request(json.dumps({"draft": "[1, 2", "other": '{"no json'})),
        request(json.dumps({"n": 1, "flag": True, "none": None})),
        message(as_json(CHANGED), outgoing=False),
        message(b"\xff\xfe"),
        BodyBytes("1", CHANGED.encode()),
    ],
    ids=range(8),
)
def test_other_traffic_says_nothing_about_the_prompt(event):
    assert not is_refused(event)


def test_few_letters_make_no_copy():
    assert not is_refused(request(as_json("ok?")), prompt="OK")


def test_json_in_json_is_followed():
    nested = PROMPT
    for _ in range(3):
        nested = json.dumps([nested])

    assert not is_refused(request(as_json(CHANGED)), request(nested))


# -- how the site took it ---------------------------------------------------------------------------------------------------


def response(status, request_id="1", media_type="text/event-stream", *, was_redirected=False):
    return ResponseBegan(request_id, "https://x/api/chat", status, media_type, None, was_redirected)


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (response(200), None),
        (response(401), 401),
        (response(429), 429),
        (response(500), 500),
        (response(200, media_type="text/html", was_redirected=True), 401),
        (response(200, was_redirected=True), None),
        (response(200, media_type="text/html"), None),
        (response(403, request_id="2"), None),
    ],
)
def test_the_status_of_the_prompts_own_request_is_noted(answer, status):
    side = RequestSent("2", "https://x/api/track", "POST", "{}", matches=False)

    assert watched(request(as_json(PROMPT)), side, answer).refused_status == status


def test_a_request_that_is_taken_after_it_was_refused_is_not_refused():
    again = RequestSent("2", "https://x/api/chat", "POST", as_json(PROMPT), matches=True)

    sent = watched(request(as_json(PROMPT)), response(401), again, response(200, "2"))

    assert sent.refused_status is None


@pytest.mark.parametrize(
    ("text", "prompt", "carries"),
    [
        (as_json(PROMPT), PROMPT, True),
        (as_json(f"Rewrite: {PROMPT}"), PROMPT, True),
        (as_json("hi"), "hi", True),
        (as_json("this"), "hi", False),
        ("q=hi", "hi", True),
        (as_json("a\r\nb"), "a\nb", True),
    ],
)
def test_a_request_carries_the_prompt_as_a_text_of_its_own_or_inside_one(text, prompt, carries):
    assert carries_prompt(request(text), prompt) is carries
