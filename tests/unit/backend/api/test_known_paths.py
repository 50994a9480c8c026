from __future__ import annotations

import pytest

from backend.api.known_paths import suggest_path

KNOWN = (
    "/v1/chat/completions",
    "/api/{endpoint}/chat/completions",
    "/v1/messages",
    "/v1/messages/count_tokens",
    "/v1/responses",
    "/v1/models",
    "/v1/models/{name:path}",
    "/api/{endpoint}/models",
    "/api/endpoints/",
    "/api/endpoints/{slug}/start",
    "/health",
)


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("/v1/v1/messages", "/v1/messages"),
        ("/v1/messages/", "/v1/messages"),
        ("//v1/messages", "/v1/messages"),
        ("/v1//messages/count_tokens", "/v1/messages/count_tokens"),
        ("/chat/completions", "/v1/chat/completions"),
        ("/openai/v1/chat/completions", "/v1/chat/completions"),
        ("/api/v1/chat/completions", "/v1/chat/completions"),
        ("/v1/chat/completions/chat/completions", "/v1/chat/completions"),
        ("/v1/chat/completions/responses", "/v1/responses"),
        ("/models", "/v1/models"),
        ("/api/demo/v1/chat/completions", "/api/demo/chat/completions"),
        ("/api/demo/chat/completions/", "/api/demo/chat/completions"),
        ("/api/demo/v1/models", "/api/demo/models"),
        ("/api/demo/v1/responses", "/v1/responses"),
        ("/v1/chat/completion", "/v1/chat/completions"),
        ("/api/endpoint/", "/api/endpoints/"),
        ("/healthz", "/health"),
        ("/", None),
        ("/api/chat", None),
        ("/favicon.ico", None),
        ("/api/endpoints/demo/start/again", None),
    ],
)
def test_the_path_that_was_meant_is_found(path, meant):
    assert suggest_path(path, KNOWN) == meant
