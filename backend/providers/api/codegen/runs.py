"""Codegen's agent API: a prompt starts a run, which is polled until it is over. Pure.

The API has no streams: a streamed request is kept alive until the result is there, and gets it in pieces then. It has no
way to end a run either, so one whose client left goes on at Codegen and is not asked after any more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Annotated, Any
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from backend.errors import InvalidRequestError
from backend.exponential_back_off import back_off_s
from backend.provider_errors import ApiFailedError
from backend.providers.api.chat.chat_body import parse_messages
from backend.providers.api.chat.prompt_text import compose_chat_transcript
from backend.providers.api.chat.translated_stream import parse_object
from backend.providers.api.dialect import ApiRequest, Body, WholeCompletion
from backend.wire.answer_fields import ANOTHER_ANSWER, find_given_fields, refuse_fields
from backend.wire.chat_response import ChunkWriter, Citation, CompletionHead, completion_document, to_json
from backend.wire.usage import usage_document

STANDARD, ADVANCED = "codegen-standard", "codegen-advanced"
ALIASES: Mapping[str, str] = MappingProxyType(
    {
        "gpt-3.5-turbo": STANDARD,
        "gpt-4": ADVANCED,
        "claude-3-sonnet-20240229": ADVANCED,
        "claude-3-haiku-20240307": STANDARD,
        "gemini-1.5-pro": ADVANCED,
        "gemini-pro": STANDARD,
    }
)
_DONE = frozenset({"complete", "completed", "success", "succeeded", "finished", "done"})
_FAILED = frozenset(
    {
        "failed",
        "failure",
        "error",
        "errored",
        "cancelled",
        "canceled",
        "timeout",
        "timed_out",
        "expired",
        "rejected",
        "terminated",
        "killed",
        "max_iterations_reached",
        "out_of_tokens",
    }
)
_PIECE_CHARACTERS = 512
_LONGEST_POLL_S = 10.0
_POLL_GROWTH = 1.5


@dataclass(frozen=True, slots=True)
class CodegenDefaults:
    """What the gateway's ``CODEGEN_…`` settings say.

    Attributes:
        base_url: Empty for Codegen's own.
        org_id: Empty where every endpoint tells its own.
        timeout_s: Most seconds until a result is there.
        max_retries: How often in a row a request is sent again.
        base_delay_s: Before the first of them, and between the first two looks at a run; doubled and grown from there.
        sends_model: Whether a run is started with the name of its model.
    """

    base_url: str = ""
    org_id: str = ""
    default_model: str = STANDARD
    timeout_s: float = 300.0
    max_retries: int = 20
    base_delay_s: float = 2.0
    sends_model: bool = True


class _Own(BaseModel):
    """What ``api`` of an endpoint may say."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, hide_input_in_errors=True, coerce_numbers_to_str=True
    )

    org_id: Annotated[str, Field(min_length=1)] | None = None
    sends_model: bool | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """A run's state at the last poll.

    Attributes:
        status: In lower case.
        result: The answer, once it is over.
        web_url: Address at which a person can look at it; empty where there is none.
    """

    id: str
    status: str
    result: str | None = None
    web_url: str = ""

    @property
    def is_over(self) -> bool:
        """Whether it has ended; an unknown status has not."""
        return self.status in _DONE or self.status in _FAILED

    def answer(self) -> str:
        """Return the result of a run that is over.

        Raises:
            ApiFailedError: It failed, or has no result.
        """
        if self.status not in _DONE:
            words = f": {self.result}" if self.result else ""
            msg = f"the run ended as {self.status}{words}"
            raise ApiFailedError(msg)
        if not self.result:
            msg = "the run is complete and has no result"
            raise ApiFailedError(msg)
        return self.result


def parse_options(api: Mapping[str, Any] | None, defaults: CodegenDefaults) -> CodegenDefaults:
    """Return the gateway's defaults with what an endpoint's ``api`` says over them.

    Raises:
        InvalidRequestError: It says something else, or nobody tells the organisation.
    """
    try:
        own = _Own.model_validate(api or {})
    except ValidationError as exc:
        first = exc.errors(include_url=False, include_input=False)[0]
        field = ".".join(["api", *map(str, first["loc"])])
        msg = f"{field}: {first['msg']}."
        raise InvalidRequestError(msg, field) from exc
    options = replace(defaults, **own.model_dump(exclude_none=True))
    if not options.org_id:
        msg = 'api.org_id is missing: say {"org_id": "…"}, or set CODEGEN_ORG_ID.'
        raise InvalidRequestError(msg, "api.org_id")
    return options


def parse_model_name(name: Any, default: str) -> str:
    """Return Codegen's model for the one that a client names; a name that isn't known is taken for Codegen's own."""
    return ALIASES.get(name, name) if isinstance(name, str) and name else default


def build_run_prompt(body: Body) -> str:
    """Return an agent's prompt for a chat body.

    Raises:
        InvalidRequestError: An agent can't do it; ``param`` names the field.
    """
    refuse_fields(body, [*ANOTHER_ANSWER, "tools", "response_format"])
    return compose_chat_transcript(parse_messages(body))


def creation(prompt: str, model: Any, options: CodegenDefaults) -> ApiRequest:
    """Return the request that starts a run; ``model`` is as the client named it."""
    asked = {"prompt": prompt}
    if options.sends_model:
        asked["model"] = parse_model_name(model, options.default_model)
    return ApiRequest(_runs(options), to_json(asked))


def poll_request(run_id: str, options: CodegenDefaults) -> ApiRequest:
    """Return the request that polls a run."""
    return ApiRequest(f"{_runs(options)}/{quote(run_id, safe='')}", method="GET")


def listing(options: CodegenDefaults) -> ApiRequest:
    """Return the request for the last run, which only verifies the token."""
    return ApiRequest(f"{_runs(options)}s?limit=1", method="GET")


def parse_run(body: bytes, run_id: str | None = None) -> Run:
    """Parse the run in a response.

    Args:
        body: JSON.
        run_id: The one that was asked for; None right after it was started.

    Raises:
        ApiFailedError: It tells of none, or of another one.
    """
    document = parse_object(body)
    found, status, result = document.get("id"), document.get("status"), document.get("result")
    if isinstance(found, bool) or not isinstance(found, str | int) or found == "":
        msg = "its run has no id"
        raise ApiFailedError(msg)
    if run_id is not None and str(found) != run_id:
        msg = "it told of another run than was asked for"
        raise ApiFailedError(msg)
    if result is not None and not isinstance(result, str):
        msg = "the result of its run is no text"
        raise ApiFailedError(msg)
    url = document.get("web_url")
    return Run(str(found), str(status or "").lower(), result, url if isinstance(url, str) else "")


def completion(run: Run, head: CompletionHead, prompt_characters: int) -> WholeCompletion:
    """Return a run's result as a ``chat.completion``; tokens, which Codegen doesn't tell, are estimated.

    Raises:
        ApiFailedError: It failed.
    """
    text = run.answer()
    document = completion_document(
        head,
        text=text,
        reasoning="",
        citations=_citations(run),
        finish_reason="stop",
        usage=usage_document(None, prompt=prompt_characters, answer=len(text), reasoning=0),
    )
    return WholeCompletion(to_json(document), None)


def chunks(run: Run, head: CompletionHead, prompt_characters: int, *, with_usage: bool) -> Iterator[bytes]:
    """Yield the events of a run's result, without ``[DONE]``.

    Raises:
        ApiFailedError: It failed.
    """
    text, writer = run.answer(), ChunkWriter(head, with_usage=with_usage)
    for at in range(0, len(text), _PIECE_CHARACTERS):
        yield writer.text(text[at : at + _PIECE_CHARACTERS])
    yield writer.finish("stop", _citations(run))
    if with_usage:
        yield writer.usage(usage_document(None, prompt=prompt_characters, answer=len(text), reasoning=0))


def ignored(body: Body, options: CodegenDefaults) -> Sequence[str]:
    """Return the fields without effect on an agent, sorted."""
    honoured = {"messages", "stream", "stream_options"} | ({"model"} if options.sends_model else set())
    return sorted(find_given_fields(body) - honoured)


def resend_wait_s(failures: int, base_delay_s: float, retry_after_s: float | None) -> float:
    """Return how long to wait after so many failures in a row: what the server says, else the usual back-off."""
    return back_off_s(failures, base_delay_s) if retry_after_s is None else retry_after_s


def poll_wait_s(looks: int, base_delay_s: float) -> float:
    """Return the seconds before the next poll of a run that was polled so often."""
    return float(min(base_delay_s * _POLL_GROWTH ** min(looks, 16), _LONGEST_POLL_S))


def _runs(options: CodegenDefaults) -> str:
    return f"/v1/organizations/{quote(options.org_id, safe='')}/agent/run"


def _citations(run: Run) -> Sequence[Citation]:
    """Return the address of the run, which stands behind the whole answer."""
    return (Citation(run.web_url, "Codegen run", len(run.result or "")),) if run.web_url else ()
