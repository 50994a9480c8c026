import pytest

from backend.accounts.live_tokens import TICKET_S, TOKEN_S, LiveTokens
from backend.errors import LiveTokenExpiredError


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


class Owner:
    """Anything; told apart by identity."""


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tokens(clock: Clock) -> LiveTokens[Owner]:
    return LiveTokens(clock)


def test_a_token_works_once(tokens):
    owner = Owner()
    token = tokens.issue(owner)

    assert tokens.redeem(token)[0] is owner
    with pytest.raises(LiveTokenExpiredError):
        tokens.redeem(token)


def test_a_token_works_for_ten_minutes(tokens, clock):
    early, late = tokens.issue(Owner()), tokens.issue(Owner())

    clock.now_s += TOKEN_S - 1
    tokens.redeem(early)
    clock.now_s += 1

    with pytest.raises(LiveTokenExpiredError):
        tokens.redeem(late)


def test_a_new_token_makes_the_one_before_void_and_no_other_owners(tokens):
    owner, other = Owner(), Owner()
    first, others = tokens.issue(owner), tokens.issue(other)
    second = tokens.issue(owner)

    with pytest.raises(LiveTokenExpiredError):
        tokens.redeem(first)
    assert tokens.redeem(second)[0] is owner
    assert tokens.redeem(others)[0] is other


def test_a_ticket_must_be_used_soon(tokens, clock):
    _, ticket = tokens.redeem(tokens.issue(Owner()))

    clock.now_s += TICKET_S

    with pytest.raises(LiveTokenExpiredError):
        tokens.claim(ticket)


def test_a_ticket_holds_while_its_page_is_there_and_a_minute_longer(tokens, clock):
    owner = Owner()
    _, ticket = tokens.redeem(tokens.issue(owner))
    tokens.claim(ticket)
    clock.now_s += 10 * TOKEN_S
    tokens.release(ticket)
    clock.now_s += TICKET_S - 1

    assert tokens.claim(ticket) is owner
    tokens.release(ticket)
    clock.now_s += TICKET_S
    with pytest.raises(LiveTokenExpiredError):
        tokens.claim(ticket)


def test_a_token_is_no_ticket(tokens):
    token = tokens.issue(Owner())

    with pytest.raises(LiveTokenExpiredError):
        tokens.claim(token)


def test_what_is_revoked_is_void_also_for_who_is_in(tokens):
    owner = Owner()
    _, ticket = tokens.redeem(tokens.issue(owner))
    tokens.claim(ticket)
    token = tokens.issue(owner)

    tokens.revoke(owner)
    tokens.release(ticket)

    for use, secret in ((tokens.redeem, token), (tokens.claim, ticket)):
        with pytest.raises(LiveTokenExpiredError):
            use(secret)


def test_a_page_that_came_back_on_another_line_keeps_its_ticket_when_the_old_line_is_given_up(tokens, clock):
    owner = Owner()
    _, ticket = tokens.redeem(tokens.issue(owner))
    tokens.claim(ticket)
    tokens.claim(ticket)

    tokens.release(ticket)
    clock.now_s += TICKET_S + 1

    assert tokens.claim(ticket) is owner
