"""How strongly a request speaks for its stream."""

import pytest

from automation.capture.ownership.claims import BOUND_BY, Claim, OwnRequests
from automation.capture.tap_events import RequestSent

PROMPT = "What is the capital of France?"
ASKED = '{"messages": [{"content": "What is the capital of France?"}], "stream": true}'


def request(url="https://x/api/chat", body=None, request_id="1"):
    return RequestSent(request_id, url, "GET" if body is None else "POST", body, matches=True)


def own(conditions=(), response_id_path=(), prompt=PROMPT):
    requests = OwnRequests(conditions, response_id_path)
    requests.expect(prompt)
    return requests


def judge(requests, one):
    return requests.judge(one, has_prompt=requests.carries_prompt(one))


@pytest.mark.parametrize(
    ("url", "body", "claim"),
    [
        ("https://x/api/chat", ASKED, Claim.PROMPT),
        ("https://x/api/chat?q=What%20is%20the%20capital%20of%20France%3F", None, Claim.PROMPT),
        ("https://x/api/chat", "q=What+is+the+capital+of+France%3F", Claim.PROMPT),
        ("https://x/api/chat", '{"messages": [{"content": "Name this chat"}]}', Claim.ADDRESS),
        ("https://x/api/chat", None, Claim.ADDRESS),
        ("https://x/stream/run-4711", None, Claim.TIED),
        ("https://x/stream?session=s-000001", None, Claim.TIED),
        ("https://x/stream/7", None, Claim.ADDRESS),
    ],
)
def test_the_prompt_and_what_its_request_named_speak_for_a_stream(url, body, claim):
    requests = own()
    requests.note_request(request(body='{"text": "What is the capital of France?", "session": "s-000001"}'))
    requests.note_reply(b'{"run": "run-4711", "n": 7}')

    assert judge(requests, request(url, body)) is claim


def test_conditions_of_the_profile_leave_other_requests_out():
    requests = own(conditions=("stream==true", "kind!=title"))

    assert requests.may_answer(request(body=ASKED))
    assert judge(requests, request(body=ASKED)) is Claim.CONDITION
    assert not requests.may_answer(request(body=ASKED.replace("true", "false")))
    assert not requests.may_answer(request(body='{"stream": true, "kind": "title"}'))
    assert not requests.may_answer(request(body="not JSON"))
    assert requests.may_answer(request("https://x/api/chat?stream=true"))


@pytest.mark.parametrize(
    ("url", "claim"),
    [
        ("https://x/stream/7", Claim.ID),
        ("https://x/stream?id=7", Claim.ID),
        ("https://x/stream/8", Claim.ADDRESS),
    ],
)
def test_the_turns_id_in_the_response_names_its_stream(url, claim):
    requests = own(response_id_path=("message.id",))
    requests.note_reply(b'{"message": {"id": 7}}')

    assert requests.turn_id == "7"
    assert judge(requests, request(url)) is claim


def test_ids_that_the_request_or_its_response_named_are_known_however_short():
    requests = own()
    requests.note_request(request(body='{"chatId": "c1", "n": "n1"}'))
    requests.note_reply(b'{"data": {"message_id": "m1"}}')

    assert [requests.names(one) for one in ("c1", "m1", "n1", "m2")] == [True, True, False, False]


@pytest.mark.parametrize("body", [b"", b"<html>", b"[" * 100_000, b"null", b"7"])
def test_a_response_that_is_no_json_names_nothing(body):
    requests = own(response_id_path=("id",))
    requests.note_reply(body)

    assert requests.turn_id is None


def test_a_word_is_the_prompt_only_where_it_stands_alone():
    requests = own(prompt="hi")

    assert requests.carries_prompt(request(body='{"text": " hi\\n"}'))
    assert not requests.carries_prompt(request(body='{"text": "this"}'))


def test_without_a_prompt_every_stream_is_believed():
    assert judge(OwnRequests(), request()) is Claim.CONDITION


def test_every_claim_says_how_it_binds():
    assert [BOUND_BY[claim] for claim in Claim] == ["address", "request", "request", "request", "id"]
    assert [claim for claim in Claim if claim.is_firm] == [Claim.CONDITION, Claim.ID]
