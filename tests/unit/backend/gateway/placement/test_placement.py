"""What becomes of a conversation however its turn ends; what clients see of it is in the contract tests."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import anyio
import pytest

from automation.errors import PoolFullError, PromptRejectedError, SiteError
from automation.turn import Attachment, ChatLink, Message, Prompt, TurnFinished
from backend.errors import ConversationBusyError, ConversationNotFoundError, InvalidRequestError, StorageError
from backend.gateway.placement import placement as module
from backend.gateway.placement.history import ConversationKey
from backend.gateway.placement.placement import ConversationPlacer, SiteConversation
from tests.fakes.memory_conversations import MemoryConversations

SCOPE = ConversationKey("demo", "http://x/", "ada")
FIRST = Prompt((Message("user", "one"),))
SECOND = Prompt((Message("user", "one"), Message("assistant", "1"), Message("user", "two")))
CHAT = ChatLink("chat", "http://x/c")
FINISHED = TurnFinished("stop", "wire", chat=CHAT)
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def memory() -> MemoryConversations:
    return MemoryConversations()


@pytest.fixture
async def known(memory) -> SiteConversation:
    """A conversation of one turn."""
    conversations = ConversationPlacer(memory, lambda: NOON)
    async with conversations.place(FIRST, SCOPE, "auto") as place:
        place.was_sent = True
        await conversations.remember(place, FINISHED, "1")
    kept: SiteConversation = next(iter(memory.kept.values()))
    return kept


async def fail(
    conversations: ConversationPlacer, prompt: Prompt, error: Exception, answer: str | None = None
) -> None:
    """Run a turn that was sent and ends with an error, perhaps after its answer."""
    async with conversations.place(prompt, SCOPE, "auto") as place:
        place.was_sent = True
        if answer is not None:
            await conversations.remember(place, FINISHED, answer)
        raise error


async def cancel_when_called(memory: MemoryConversations, scope: anyio.CancelScope) -> None:
    """Cancel a scope while a call of the repository waits, then let the call go on."""
    assert memory.held is not None
    await memory.called.wait()
    scope.cancel()
    memory.held.set()


async def test_a_first_turn_is_kept_as_it_was(known):
    assert known == SiteConversation(known.id, SCOPE, known.head, CHAT, 1, NOON, NOON)
    assert known.head is not None


async def test_a_turn_goes_on_in_the_chat_and_knows_how_much_is_said(memory, known):
    async with ConversationPlacer(memory).place(SECOND, SCOPE, "auto") as place:
        assert (place.id, place.prompt) == (known.id, replace(SECOND, chat=CHAT, said=2))
        assert memory.kept[known.id].head is None


async def test_a_turn_more_is_counted_and_leaves_the_beginning_as_it_was(memory, known):
    conversations = ConversationPlacer(memory, lambda: NOON + timedelta(hours=1))

    async with conversations.place(SECOND, SCOPE, "auto") as place:
        await conversations.remember(place, replace(FINISHED, chat=ChatLink("new"), is_continued=True), "2")

    kept = memory.kept[known.id]
    assert (kept.turns, kept.chat) == (2, ChatLink("new"))
    assert (kept.created_at, kept.updated_at) == (NOON, NOON + timedelta(hours=1))


@pytest.mark.parametrize(
    ("error", "is_kept"),
    [
        (SiteError("boom"), False),
        (ValueError("bug"), False),
        (PromptRejectedError("tabs"), True),
        (PoolFullError(1), True),
        (ExceptionGroup("g", [PromptRejectedError("tabs")]), True),
    ],
)
async def test_a_failed_turn_is_forgotten_unless_nothing_was_sent(memory, known, error, is_kept):
    with pytest.raises(type(error)):
        await fail(ConversationPlacer(memory), SECOND, error)

    assert memory.kept == ({known.id: known} if is_kept else {})


async def test_a_turn_that_never_reached_the_provider_changes_nothing(memory, known):
    with pytest.raises(SiteError):
        async with ConversationPlacer(memory).place(SECOND, SCOPE, "auto"):
            raise SiteError("queue")

    assert memory.kept == {known.id: known}


async def test_a_turn_without_a_place_to_go_on_is_forgotten(memory, known):
    conversations = ConversationPlacer(memory)

    async with conversations.place(SECOND, SCOPE, "auto") as place:
        place.was_sent = True
        await conversations.remember(place, replace(FINISHED, chat=None), "2")

    assert memory.kept == {}


async def test_a_failure_after_the_answer_was_kept_changes_nothing(memory):
    with pytest.raises(SiteError):
        await fail(ConversationPlacer(memory), FIRST, SiteError("tidying"), answer="1")

    assert len(memory.kept) == 1


async def test_a_client_that_hangs_up_while_its_conversation_is_looked_for_leaves_it_free(memory, known):
    memory.held, memory.called = anyio.Event(), anyio.Event()

    async with anyio.create_task_group() as tasks:
        with anyio.CancelScope() as scope:
            tasks.start_soon(cancel_when_called, memory, scope)
            async with ConversationPlacer(memory).place(SECOND, SCOPE, "auto"):
                await anyio.sleep_forever()

    assert memory.kept == {known.id: known}


async def test_a_client_that_hangs_up_while_its_turn_is_kept_has_it_kept(memory, known):
    conversations = ConversationPlacer(memory)

    async with anyio.create_task_group() as tasks:
        with anyio.CancelScope() as scope:
            async with conversations.place(SECOND, SCOPE, "auto") as place:
                place.was_sent = True
                memory.held, memory.called = anyio.Event(), anyio.Event()
                tasks.start_soon(cancel_when_called, memory, scope)
                await conversations.remember(place, FINISHED, "2")
                await anyio.sleep_forever()

    assert memory.kept[known.id].turns == 2


async def test_a_client_that_hangs_up_in_the_answer_has_its_conversation_forgotten(memory, known):
    with anyio.CancelScope() as scope:
        async with ConversationPlacer(memory).place(SECOND, SCOPE, "auto") as place:
            place.was_sent = True
            scope.cancel()
            await anyio.sleep_forever()

    assert memory.kept == {}


async def test_one_that_is_taken_in_the_same_moment_is_busy(memory, known):
    memory.held, memory.called = anyio.Event(), anyio.Event()

    async def take_first() -> None:
        await memory.called.wait()
        memory.kept[known.id] = replace(known, head=None)
        memory.held.set()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(take_first)
        with pytest.raises(ConversationBusyError):
            async with ConversationPlacer(memory).place(FIRST, SCOPE, known.id):
                pass


async def test_one_that_could_not_be_kept_is_not_found_by_what_it_was(memory, known, caplog):
    conversations = ConversationPlacer(memory)
    memory.failing = {"save", "forget"}

    async with conversations.place(SECOND, SCOPE, "auto") as place:
        place.was_sent = True
        await conversations.remember(place, FINISHED, "2")

    assert memory.kept[known.id].head is None
    assert caplog.text.count("conversation_not_saved") == 2


async def test_a_database_that_never_answers_holds_no_answer_up(memory, monkeypatch, caplog):
    monkeypatch.setattr(module, "_STORAGE_S", 0.01)
    conversations = ConversationPlacer(memory)
    memory.held = anyio.Event()

    with anyio.fail_after(200):
        async with conversations.place(SECOND, SCOPE, "auto") as place:
            place.was_sent = True
            await conversations.remember(place, FINISHED, "2")

    assert place.prompt == SECOND
    assert "conversation_save_timed_out" in caplog.text


async def test_a_database_that_never_answers_is_said_where_a_conversation_was_named(
    memory, known, monkeypatch
):
    monkeypatch.setattr(module, "_STORAGE_S", 0.01)

    async def never(_conversation: SiteConversation) -> bool:
        await anyio.sleep_forever()
        return True

    monkeypatch.setattr(memory, "take", never)

    with anyio.fail_after(200), pytest.raises(StorageError):
        async with ConversationPlacer(memory).place(FIRST, SCOPE, known.id):
            pass


@pytest.mark.parametrize("choice", ["auto", "new", "conv_1"])
async def test_a_throwaway_turn_has_no_conversation_whatever_is_asked_for(memory, known, choice):
    conversations = ConversationPlacer(memory)

    async with conversations.place(replace(SECOND, is_throwaway=True), SCOPE, choice) as place:
        place.was_sent = True
        await conversations.remember(place, FINISHED, "2")

    assert (place.id, place.prompt.chat) == (None, None)
    assert memory.kept == {known.id: known}


async def test_files_are_part_of_what_was_said(memory):
    conversations = ConversationPlacer(memory)
    cat, dog = (Attachment(f"{name}.png", "image/png", name.encode()) for name in ("cat", "dog"))
    asked = Prompt((Message("user", "what is it?", (cat,)),))
    async with conversations.place(asked, SCOPE, "auto") as place:
        place.was_sent = True
        await conversations.remember(place, FINISHED, "a cat")
    more = (Message("assistant", "a cat"), Message("user", "sure?"))

    said = []
    for file in (dog, cat):
        prompt = Prompt((Message("user", "what is it?", (file,)), *more))
        async with conversations.place(prompt, SCOPE, "auto") as place:
            said.append(place.prompt.said)

    assert said == [0, 2]


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        (replace(SCOPE, owner="somebody else"), ConversationNotFoundError),
        (replace(SCOPE, owner="somebody else", model="large"), ConversationNotFoundError),
        (replace(SCOPE, account="bob"), ConversationNotFoundError),
        (replace(SCOPE, model="large"), InvalidRequestError),
        (replace(SCOPE, endpoint="other", site="http://y/"), InvalidRequestError),
    ],
)
async def test_an_id_is_good_in_its_own_scope_alone(memory, known, asked, error):
    with pytest.raises(error):
        async with ConversationPlacer(memory).place(FIRST, asked, known.id):
            pass

    assert memory.kept == {known.id: known}


@pytest.fixture
def adas(memory, known) -> SiteConversation:
    """One whose owner is ada, the only one that is kept."""
    hers: SiteConversation = replace(known, scope=replace(known.scope, owner="ada"))
    memory.kept[known.id] = hers
    return hers


async def test_somebody_elses_is_as_good_as_none(memory, adas):
    conversations = ConversationPlacer(memory)

    for ask in (conversations.get, conversations.forget):
        with pytest.raises(ConversationNotFoundError):
            await ask(adas.id, "bob")

    assert memory.kept == {adas.id: adas}


async def test_ones_own_can_be_read_and_forgotten(memory, adas):
    conversations = ConversationPlacer(memory)

    assert await conversations.get(adas.id, "ada") == adas
    assert await conversations.forget(adas.id, "ada") == adas
    assert memory.kept == {}


async def test_one_that_could_not_be_forgotten_can_be_forgotten_later(memory, known):
    conversations = ConversationPlacer(memory)
    memory.failing = {"forget"}
    with pytest.raises(StorageError):
        await conversations.forget(known.id)
    memory.failing = set()

    assert await conversations.forget(known.id) == known
    assert memory.kept == {}
