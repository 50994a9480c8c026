"""Responses that their callers can go on from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from backend.accounts.vault import Vault
from backend.errors import InvalidRequestError, PreviousResponseNotFoundError, StorageError
from backend.gateway.kept_responses import ResponseKeeper, SealedResponse

USER = {"role": "user", "content": "hi"}
OUTPUT: list[dict[str, Any]] = [
    {"type": "reasoning", "id": "rs_1", "summary": [], "content": [{"type": "reasoning_text", "text": "hm"}]},
    {"type": "message", "id": "msg_1", "role": "assistant", "content": []},
]
RESPONSE = {"id": "resp_1", "output": OUTPUT}


@dataclass
class MemoryResponses:
    """A ``ResponseRepository``.

    Attributes:
        failure: Raised by every call.
    """

    stored: list[SealedResponse] = field(default_factory=list)
    failure: StorageError | None = None

    async def add_response(self, response: SealedResponse) -> None:
        self._may()
        self.stored.insert(0, response)

    async def find_response(self, owner: str, response_id: str) -> SealedResponse | None:
        self._may()
        return next((one for one in self.stored if (one.owner, one.id) == (owner, response_id)), None)

    async def find_responses_of(self, owner: str, item_ids: Sequence[str]) -> list[SealedResponse]:
        self._may()
        return [one for one in self.stored if one.owner == owner and {*one.item_ids} & {*item_ids}]

    def _may(self) -> None:
        if self.failure is not None:
            raise self.failure


@pytest.fixture
def stored() -> MemoryResponses:
    return MemoryResponses()


@pytest.fixture
def keeper(stored) -> ResponseKeeper:
    return ResponseKeeper(stored, Vault("key"), most_bytes=1_000_000)


def going_on(**fields: Any) -> dict[str, Any]:
    return {"model": "m", "input": "go on", **fields}


GO_ON = {"type": "message", "role": "user", "content": "go on"}


async def test_a_request_goes_on_from_a_response_with_all_that_was_said(keeper):
    await keeper.keep({"input": [USER]}, RESPONSE, "ada")

    body = await keeper.unfold(going_on(previous_response_id="resp_1"), "ada")

    assert body == {"model": "m", "input": [USER, *OUTPUT, GO_ON]}


async def test_a_chain_of_responses_holds_the_whole_conversation(keeper):
    await keeper.keep({"input": "first"}, RESPONSE, "ada")
    second = await keeper.unfold(going_on(previous_response_id="resp_1"), "ada")
    await keeper.keep(second, {"id": "resp_2", "output": [{**OUTPUT[1], "id": "msg_2"}]}, "ada")

    third = await keeper.unfold(going_on(previous_response_id="resp_2"), "ada")

    assert [item.get("id") for item in third["input"]] == [None, "rs_1", "msg_1", None, "msg_2", None]


async def test_items_are_found_by_reference_also_those_of_several_responses(keeper):
    await keeper.keep({"input": "a"}, RESPONSE, "ada")
    await keeper.keep(
        {"input": "b"}, {"id": "resp_2", "output": [{"type": "function_call", "id": "fc_2"}]}, "ada"
    )
    references = [{"type": "item_reference", "id": one} for one in ("rs_1", "fc_2")]

    body = await keeper.unfold({"model": "m", "input": references}, "ada")

    assert body["input"] == [OUTPUT[0], {"type": "function_call", "id": "fc_2"}]


async def test_what_is_anothers_is_not_there(keeper):
    await keeper.keep({"input": "a"}, RESPONSE, "ada")

    with pytest.raises(PreviousResponseNotFoundError, match="resp_1"):
        await keeper.unfold(going_on(previous_response_id="resp_1"), "bob")
    with pytest.raises(InvalidRequestError):
        await keeper.unfold({"input": [{"type": "item_reference", "id": "msg_1"}]}, "bob")


@pytest.mark.parametrize(
    ("body", "response"),
    [
        ({"input": "a", "store": False}, RESPONSE),
        ({"input": "a"}, {**RESPONSE, "id": "with\x00nul"}),
        ({"input": "a"}, {**RESPONSE, "id": "x" * 201}),
        ({"input": "a"}, {**RESPONSE, "id": None}),
        ({"input": "a"}, {**RESPONSE, "output": "none"}),
        ({"input": "a" * 1_000_000}, RESPONSE),
    ],
    ids=["not to be stored", "an id with NUL", "a long id", "no id", "no output", "too large"],
)
async def test_what_is_not_to_be_kept_or_cannot_be_is_not(keeper, stored, body, response):
    await keeper.keep(body, response, "ada")

    assert stored.stored == []


async def test_nothing_is_kept_where_that_is_turned_off(stored):
    keeper = ResponseKeeper(stored, Vault("key"), most_bytes=1000, is_on=False)
    body = going_on(previous_response_id="resp_1")

    await keeper.keep({"input": "a"}, RESPONSE, "ada")

    assert stored.stored == []
    assert await keeper.unfold(body, "ada") is body


async def test_what_is_kept_is_sealed_for_its_owner_and_its_id(keeper, stored):
    await keeper.keep({"input": "a secret"}, RESPONSE, "ada")
    [kept] = stored.stored
    assert "secret" not in kept.sealed

    stored.stored = [kept._replace(owner="bob")]

    with pytest.raises(PreviousResponseNotFoundError):
        await keeper.unfold(going_on(previous_response_id="resp_1"), "bob")


async def test_a_large_conversation_comes_back_with_its_numbers_and_half_pairs(keeper):
    said = {"role": "user", "content": "x" * 200_000 + "\ud83d"}
    call = {"type": "function_call", "id": "fc_1", "n": 2**70}

    await keeper.keep({"input": [said]}, {"id": "resp_1", "output": [call]}, "ada")

    body = await keeper.unfold(going_on(previous_response_id="resp_1"), "ada")
    assert body["input"] == [said, call, GO_ON]


async def test_a_database_that_fails_costs_no_answer(keeper, stored, caplog):
    stored.failure = StorageError()

    await keeper.keep({"input": "a"}, RESPONSE, "ada")

    assert "response_not_kept" in caplog.messages
    with pytest.raises(StorageError):
        await keeper.unfold(going_on(previous_response_id="resp_1"), "ada")


async def test_a_request_that_refers_to_nothing_asks_no_database(keeper, stored):
    stored.failure = StorageError()
    body = going_on()

    assert await keeper.unfold(body, "ada") is body
