"""Translates OpenAI's chat body into a request of Gemini's generateContent. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from backend.errors import InvalidRequestError
from backend.providers.api.chat import chat_body
from backend.providers.api.dialect import Body
from backend.wire.answer_fields import refuse_fields
from backend.wire.answers.exact_json import RawJson, is_json_object

HONOURED = frozenset(
    {
        "frequency_penalty",
        "max_completion_tokens",
        "max_tokens",
        "messages",
        "modalities",
        "model",
        "n",
        "presence_penalty",
        "reasoning_effort",
        "response_format",
        "seed",
        "stop",
        "stream",
        "stream_options",
        "temperature",
        "tool_choice",
        "tools",
        "top_p",
    }
)
_MOST_CHOICES = 8
_RENAMED: Mapping[str, str] = {
    "temperature": "temperature",
    "top_p": "topP",
    "seed": "seed",
    "presence_penalty": "presencePenalty",
    "frequency_penalty": "frequencyPenalty",
    "n": "candidateCount",
}
_MODES: Mapping[str, str] = {"auto": "AUTO", "required": "ANY", "none": "NONE"}
# Google's own table for its OpenAI-compatible address.
_BUDGETS: Mapping[str, int] = {
    "none": 0,
    "minimal": 1024,
    "low": 1024,
    "medium": 8192,
    "high": 24576,
    "xhigh": 24576,
}
_LEVELS: Mapping[str, str] = {**{name: name for name in _BUDGETS}, "none": "minimal", "xhigh": "high"}
# Gemini 3 brought levels of thinking, and refuses calls that come back without their signature. A name without a number,
# such as gemini-flash-latest, is of the newest; budgets are understood there too.
_WITH_LEVELS = re.compile(r"gemini-(?:[3-9]|[1-9]\d)(?!\d)")
_SIGNED = re.compile(r"gemini-(?![12](?!\d))")
# What Google documents for calls whose signature is not at hand, such as another model's.
_NO_SIGNATURE = "skip_thought_signature_validator"
_AUDIO_TYPES: Mapping[str, str] = {"wav": "audio/wav", "mp3": "audio/mp3"}

Part = dict[str, Any]


def generate_request(body: Body, *, is_streamed: bool) -> dict[str, Any]:
    """Return the body of ``:generateContent``.

    All system and developer messages become the one ``systemInstruction`` before the conversation. Schemas go as JSON
    Schema (``parametersJsonSchema``, ``responseJsonSchema``), not as Google's older subset of it.

    Raises:
        InvalidRequestError: It can't be honoured.
        ValidationError: A field is not what OpenAI says it is.
    """
    body = chat_body.validate_body(body)
    refuse_fields(body, most_choices=1 if is_streamed else _MOST_CHOICES)
    system, contents = _conversation(body)
    request: dict[str, Any] = {"contents": contents}
    if system:
        request["systemInstruction"] = {"parts": system}
    request |= _tools(body)
    if config := _generation_config(body):
        request["generationConfig"] = config
    return request


def _generation_config(body: Body) -> dict[str, Any]:
    config = {theirs: body[ours] for ours, theirs in _RENAMED.items() if body.get(ours) is not None}
    if (most := chat_body.most_tokens(body)) is not None:
        config["maxOutputTokens"] = most
    if stops := chat_body.parse_stops(body):
        config["stopSequences"] = stops
    schema = chat_body.answer_schema(body)
    if schema != "text":
        config["responseMimeType"] = "application/json"
    if isinstance(schema, Mapping):
        config["responseJsonSchema"] = schema
    if (effort := body.get("reasoning_effort")) is not None:
        config["thinkingConfig"] = _thinking(effort, str(body.get("model")))
    return config


def _thinking(effort: Any, model: str) -> dict[str, Any]:
    if effort not in _BUDGETS:
        msg = f"reasoning_effort must be {', '.join(_BUDGETS)}."
        raise InvalidRequestError(msg, "reasoning_effort")
    config: dict[str, Any] = {"includeThoughts": effort != "none"}
    if _WITH_LEVELS.search(model):
        return {**config, "thinkingLevel": _LEVELS[effort]}
    return {**config, "thinkingBudget": _BUDGETS[effort]}


def _tools(body: Body) -> dict[str, Any]:
    functions = chat_body.list_functions(body)
    if not functions:
        return {}
    declared: list[Part] = []
    for function in functions:
        declaration: Part = {"name": function.name, "parametersJsonSchema": function.parameters}
        if function.description:
            declaration["description"] = function.description
        declared.append(declaration)
    chosen = chat_body.chosen_tool(body)
    config: dict[str, Any] = {"mode": "ANY" if isinstance(chosen, tuple) else _MODES[chosen]}
    if isinstance(chosen, tuple):
        config["allowedFunctionNames"] = list(chosen)
    return {
        "tools": [{"functionDeclarations": declared}],
        "toolConfig": {"functionCallingConfig": config},
    }


def _conversation(body: Body) -> tuple[list[Part], list[Part]]:
    """Return the system's parts and the contents, neighbours of one role merged."""
    system: list[Part] = []
    contents: list[Part] = []
    names: dict[str, str] = {}  # of the functions called so far, by the calls' ids
    is_signed = _SIGNED.search(str(body.get("model"))) is not None
    for at, message in enumerate(body["messages"]):
        field = f"messages.{at}"
        role = message.get("role")
        if role in ("system", "developer"):
            if text := chat_body.text_of(message, field):
                system.append({"text": text})
        elif role == "assistant":
            parts = [*_parts(message, field), *_calls(message, field, names, is_signed=is_signed)]
            _append(contents, "model", parts)
        elif role == "tool":
            _append(contents, "user", [_result(message, field, names)])
        else:
            _append(contents, "user", _parts(message, field))
    if not contents:
        msg = "There must be a message besides those of the system, with some content."
        raise InvalidRequestError(msg, "messages")
    return system, contents


def _append(contents: list[Part], role: str, parts: Iterable[Part]) -> None:
    added = list(parts)
    if added and contents and contents[-1]["role"] == role:
        contents[-1]["parts"] += added
    elif added:
        contents.append({"role": role, "parts": added})


def _calls(
    message: Mapping[str, Any], field: str, names: dict[str, str], *, is_signed: bool
) -> Iterator[Part]:
    """Yield an assistant's calls; of several at once the first alone is signed, as they came from the model."""
    is_first = True
    for call, name, arguments in chat_body.iter_tool_calls(message, field):
        function: Part = {"name": name, "args": arguments}
        if call.get("id"):
            function["id"] = call["id"]
            names[call["id"]] = name
        part: Part = {"functionCall": function}
        signature = _signature_of(call) or (_NO_SIGNATURE if is_signed and is_first else None)
        yield {**part, "thoughtSignature": signature} if signature else part
        is_first = False


def _signature_of(call: Mapping[str, Any]) -> str | None:
    extra = call.get("extra_content")
    google = extra.get("google") if isinstance(extra, Mapping) else None
    signature = google.get("thought_signature") if isinstance(google, Mapping) else None
    return signature if isinstance(signature, str) else None


def _result(message: Mapping[str, Any], field: str, names: Mapping[str, str]) -> Part:
    call_id = message.get("tool_call_id") or ""
    if call_id not in names:
        msg = "No earlier assistant message calls a tool with this id."
        raise InvalidRequestError(msg, f"{field}.tool_call_id")
    response = _response(chat_body.text_of(message, field))
    return {"functionResponse": {"id": call_id, "name": names[call_id], "response": response}}


def _response(text: str) -> RawJson | dict[str, str]:
    """Return a result as the object that the API wants: itself where it is one, in its own words."""
    return RawJson(text) if is_json_object(text) else {"result": text}


def _parts(message: Mapping[str, Any], field: str) -> Iterator[Part]:
    for name, part in chat_body.iter_parts(message, field):
        kind = part.get("type")
        if kind == "text":
            if part.get("text"):
                yield {"text": part["text"]}
        elif kind == "image_url":
            image = chat_body.parse_image(part, name)
            yield {"fileData": {"fileUri": image}} if isinstance(image, str) else _inline(image)
        elif kind == "file":
            yield _inline(chat_body.parse_file_part(part, name))
        elif kind == "input_audio":
            yield _inline(_audio(part, name))
        else:
            msg = f"This provider takes no content of type {kind!r}."
            raise InvalidRequestError(msg, f"{name}.type")


def _audio(part: Mapping[str, Any], field: str) -> chat_body.Base64Data:
    audio = part.get("input_audio") or {}
    media_type = _AUDIO_TYPES.get(audio.get("format") or "")
    if media_type is None or not audio.get("data"):
        msg = "input_audio needs data, and the format wav or mp3."
        raise InvalidRequestError(msg, f"{field}.input_audio")
    return chat_body.Base64Data(media_type, audio["data"])


def _inline(data: chat_body.Base64Data) -> Part:
    return {"inlineData": {"mimeType": data.media_type, "data": data.data}}


def embed_request(body: Body) -> dict[str, Any]:
    """Return the body of ``:batchEmbedContents``.

    Raises:
        InvalidRequestError: The input is not text; Gemini knows nothing of OpenAI's tokens.
    """
    given = body.get("input")
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
        msg = "input must be a text or a list of texts at this provider."
        raise InvalidRequestError(msg, "input")
    size = {"outputDimensionality": body["dimensions"]} if body.get("dimensions") is not None else {}
    model = model_path(body)
    return {"requests": [{"model": model, "content": {"parts": [{"text": text}]}, **size} for text in texts]}


def model_path(body: Body) -> str:
    """Return the model's name as the API's paths have it, such as ``models/gemini-2.5-flash``.

    Raises:
        InvalidRequestError: It has characters that would lead elsewhere.
    """
    name = str(body.get("model") or "")
    path = name if name.startswith(("models/", "tunedModels/")) else f"models/{name}"
    if re.fullmatch(r"\w+/[\w.@-]*\w", path, re.ASCII) is None:
        msg = f"{name!r} can't be the name of a model at this provider."
        raise InvalidRequestError(msg, "model")
    return path
