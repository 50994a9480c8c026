"""LangChain's own suite for chat models, against the gateway; run by ``test_client_libraries``, in the place of the clients."""

from __future__ import annotations

import os
from typing import Any

from langchain_openai import ChatOpenAI
from langchain_tests.integration_tests import ChatModelIntegrationTests


class TestGateway(ChatModelIntegrationTests):
    """All that LangChain wants of a chat model."""

    @property
    def chat_model_class(self) -> type[ChatOpenAI]:
        return ChatOpenAI

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {
            "base_url": os.environ["GATEWAY_URL"],
            "api_key": "not-needed",
            "model": os.environ["GATEWAY_MODEL"],
            "stream_usage": True,
            "max_retries": 0,
        }

    @property
    def supports_json_mode(self) -> bool:
        return True

    @property
    def supports_image_inputs(self) -> bool:
        return False  # the suite fetches its image from the internet

    @property
    def supports_image_tool_message(self) -> bool:
        return False

    @property
    def model_override_value(self) -> str:
        return os.environ["GATEWAY_OTHER_MODEL"]
