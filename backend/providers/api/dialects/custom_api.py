"""Model of ``custom_api``: the request of any JSON API, and paths into its responses. Pure.

::

    {
        "request": {
            "path": "/v2/ask",
            "body": {"q": "{{prompt}}", "model": "{{model}}", "live": "{{stream}}"},
        },
        "response": {"text": "answer.text", "finish": "answer.why", "error": "problem.message"},
        "stream": {"kind": "sse", "text": "delta", "end": "[DONE]"},
    }

A placeholder stands for a value and not for a piece of JSON: what a client writes can't change the shape of a request.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, Self
from urllib.parse import quote

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from automation.json_path import JsonPath
from backend.errors import InvalidRequestError
from backend.providers.fields import HeaderName, HeaderText
from backend.wire.answers.finish_reasons import find_finish_reason

_PLACEHOLDER = re.compile(r"\{\{\s*([^{}\s]*)\s*\}\}")
TEXTS = frozenset({"prompt", "system", "model"})
OPTIONS = frozenset(
    {"temperature", "top_p", "max_tokens", "stop", "seed", "user", "tools", "response_format"}
)
PLACEHOLDERS = frozenset({"messages", "stream"}) | TEXTS | OPTIONS

# An API that is described here has no calls of tools.
_ENDS = frozenset({"stop", "length", "content_filter"})


def _check_path(text: str) -> str:
    JsonPath.parse(text)
    return text


def _check_template(template: Any) -> Any:
    for text in _texts_in(template):
        names = _PLACEHOLDER.findall(text)
        for name in names:
            if name not in PLACEHOLDERS:
                msg = (
                    f"has an unknown placeholder {{{{{name}}}}}; there are {', '.join(sorted(PLACEHOLDERS))}"
                )
                raise ValueError(msg)
            if name not in TEXTS and not _PLACEHOLDER.fullmatch(text):
                msg = f"has {{{{{name}}}}} inside of a longer text, where only a text can stand: {', '.join(sorted(TEXTS))}"
                raise ValueError(msg)
    return template


def _check_url_path(path: str) -> str:
    if not path.startswith("/"):
        msg = "must begin with a slash; it goes on from base_url"
        raise ValueError(msg)
    for name in _PLACEHOLDER.findall(path):
        if name not in TEXTS:
            msg = f"can hold only {', '.join(sorted(TEXTS))} as placeholders, not {{{{{name}}}}}"
            raise ValueError(msg)
    return path


Path = Annotated[str, AfterValidator(_check_path)]
Template = Annotated[dict[str, Any], AfterValidator(_check_template)]
UrlPath = Annotated[str, AfterValidator(_check_url_path)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class RequestTemplate(_Strict):
    """How the API is asked.

    Attributes:
        path: Goes on from the endpoint's ``base_url``, with its query; placeholders in it are escaped.
        headers: Shown like every setting; secret ones belong into the endpoint's own ``headers``.
        body: A member that is nothing but the placeholder of a value that the client didn't send is left out.
    """

    path: UrlPath
    method: Literal["POST", "GET"] = "POST"
    headers: dict[HeaderName, HeaderText] = Field(default_factory=dict)
    body: Template | None = None

    @model_validator(mode="after")
    def _asks(self) -> Self:
        if self.method == "GET" and self.body is not None:
            raise PydanticCustomError("get_body", "body can't be sent with GET; put {{prompt}} into the path")
        if not self.placeholders & {"messages", "prompt"}:
            raise PydanticCustomError(
                "no_prompt", "neither body nor path holds {{messages}} or {{prompt}}: nothing would be asked"
            )
        return self

    @property
    def placeholders(self) -> frozenset[str]:
        """The names that the template uses."""
        texts = [self.path, *_texts_in(self.body)]
        return frozenset(name for text in texts for name in _PLACEHOLDER.findall(text))


class AnswerPaths(_Strict):
    """Where in an answer, or in an event of a streamed one, things stand, in the words of ``automation.json_path``.

    Attributes:
        text: All texts that are found are joined.
        finish: Why it ended; null, false and the empty text are no end. ``finish_reasons`` of the API translates it.
        error: Something there means that the answer failed, unless it is null, false or empty.
    """

    text: Path
    reasoning: Path | None = None
    finish: Path | None = None
    input_tokens: Path | None = None
    output_tokens: Path | None = None
    error: Path | None = None


class StreamPaths(_Strict):
    """How a streamed answer is read.

    Attributes:
        kind: ``none``: the API has no streams, and the whole answer comes as one delta. ``sse``: events of JSON.
            ``ndjson``: lines of JSON. ``text``: the body is the text.
        text: The next piece of text in an event.
        end: The data of the event or the line that ends the answer, such as ``[DONE]``.
    """

    kind: Literal["none", "sse", "ndjson", "text"] = "none"
    text: Path | None = None
    reasoning: Path | None = None
    finish: Path | None = None
    input_tokens: Path | None = None
    output_tokens: Path | None = None
    error: Path | None = None
    end: Annotated[str, Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _fits_kind(self) -> Self:
        is_json = self.kind in ("sse", "ndjson")
        if is_json and self.text is None:
            raise PydanticCustomError("no_text", "text is missing: where in an event the next piece stands")
        unused = self.model_fields_set - {"kind"}
        if not is_json and unused:
            raise PydanticCustomError(
                "unused",
                "{names} can't be read with kind {kind}",
                {"names": ", ".join(sorted(unused)), "kind": self.kind},
            )
        return self

    @property
    def paths(self) -> AnswerPaths:
        """What they have in common with a whole answer."""
        names = AnswerPaths.model_fields
        return AnswerPaths.model_validate(
            {"text": "$"} | {n: v for n in names if (v := getattr(self, n)) is not None}
        )


class ModelList(_Strict):
    """Where the API tells its models: ``names`` is a path such as ``data.*.id``."""

    path: UrlPath
    names: Path


class CustomApi(_Strict):
    """One API.

    Attributes:
        finish_reasons: The API's reasons to OpenAI's ``stop``, ``length`` and ``content_filter``, besides the usual ones.
    """

    request: RequestTemplate
    response: AnswerPaths
    stream: StreamPaths = StreamPaths()
    models: ModelList | None = None
    finish_reasons: dict[str, Literal["stop", "length", "content_filter"]] = Field(default_factory=dict)

    def finish_reason(self, said: Any) -> str | None:
        """Return OpenAI's word for the API's reason; None for one that isn't known."""
        word = str(said).lower() if isinstance(said, bool) else said
        if not isinstance(word, str):
            return None
        known = self.finish_reasons.get(word) or find_finish_reason("stop" if word == "true" else word)
        return known if known in _ENDS else None


def parse_api(description: Mapping[str, Any] | None) -> CustomApi:
    """Return the API that an operator describes.

    Raises:
        InvalidRequestError: ``param`` names the field, such as ``api.response.text``.
    """
    if description is None:
        msg = "api is missing: a custom API is described by its request and its response."
        raise InvalidRequestError(msg, "api")
    try:
        return CustomApi.model_validate(description)
    except ValidationError as exc:
        first = exc.errors(include_url=False, include_input=False)[0]
        field = ".".join(["api", *map(str, first["loc"])])
        msg = f"{field}: {first['msg'].removeprefix('Value error, ')}."
        raise InvalidRequestError(msg, field) from exc


def fill(template: Any, values: Mapping[str, Any]) -> Any:
    """Return a template with its values; a member of an object whose value isn't there is left out."""
    if isinstance(template, Mapping):
        return {name: fill(one, values) for name, one in template.items() if not _is_absent(one, values)}
    if isinstance(template, list):
        return [fill(one, values) for one in template if not _is_absent(one, values)]
    if not isinstance(template, str):
        return template
    if whole := _PLACEHOLDER.fullmatch(template):
        return values[whole[1]]
    return _PLACEHOLDER.sub(lambda match: str(values.get(match[1], "")), template)


def fill_path(path: str, values: Mapping[str, Any]) -> str:
    """Return a path with its values, every character that means something in a URL escaped.

    Raises:
        InvalidRequestError: A value has no place in a URL, or would lead to another path: ``..`` has nothing to escape.
    """
    try:
        filled = _PLACEHOLDER.sub(lambda match: quote(str(values.get(match[1], "")), safe=""), path)
    except UnicodeEncodeError as exc:
        msg = "Half a surrogate pair can't be a part of this API's address."
        raise InvalidRequestError(msg) from exc
    segments = filled.partition("?")[0].split("/")
    if not {".", ".."}.isdisjoint(segments):
        msg = "A dot or two alone can't be a part of this API's address."
        raise InvalidRequestError(msg)
    return filled


def _is_absent(template: Any, values: Mapping[str, Any]) -> bool:
    whole = _PLACEHOLDER.fullmatch(template) if isinstance(template, str) else None
    return whole is not None and whole[1] not in values


def _texts_in(template: Any) -> Iterator[str]:
    if isinstance(template, str):
        yield template
    elif isinstance(template, Mapping):
        for one in template.values():
            yield from _texts_in(one)
    elif isinstance(template, list):
        for one in template:
            yield from _texts_in(one)
