"""Providers are made by name: a preset's, a registered class's, or whatever the configuration says."""

from __future__ import annotations

import subprocess
import sys

import pytest

from automation.library.interface import ProviderResponse, ProviderType
from automation.library.web_provider_base import WebProviderBase
from backend.errors import InvalidRequestError
from backend.providers import BaseProvider, ProviderFactory, register_provider
from backend.providers.api.presets import PRESETS
from backend.providers.library.api_provider import ApiBasedProvider


class Echo(BaseProvider):
    async def initialize(self, context):
        self.context = context

    async def send_message(self, message, **kwargs):
        return ProviderResponse(message, success=True, provider=self.name)

    async def stream_message(self, message, **kwargs):
        yield message

    async def health_check(self):
        return True

    async def cleanup(self):
        pass


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_every_preset_can_be_made_by_its_name(name):
    provider = ProviderFactory.create_provider(name, {"base_url": "http://127.0.0.1:1", "org_id": "1"})

    assert isinstance(provider, ApiBasedProvider)
    assert (provider.name, provider.provider_type) == (name, ProviderType.API_BASED)


@pytest.mark.parametrize("kind", ["web_automation", "custom_web"])
def test_a_type_of_the_web_makes_a_chat_page(kind):
    provider = ProviderFactory.create_provider(
        "claude_web", {"type": kind, "base_url": "http://127.0.0.1:1/"}
    )

    assert type(provider) is WebProviderBase
    assert provider.provider_type == kind


def test_a_registered_class_wins_also_over_a_preset():
    register_provider("echo")(Echo)
    register_provider("echo_page")(type("EchoPage", (WebProviderBase,), {}))

    made = ProviderFactory.create_provider("echo", {"anything": 1})
    page = ProviderFactory.create_provider("echo_page")

    assert isinstance(made, Echo)
    assert made.config == {"anything": 1}
    assert page.provider_type is ProviderType.WEB_AUTOMATION
    assert {"echo", "echo_page", "openai"} <= set(ProviderFactory.available())


def test_what_is_no_provider_cannot_be_registered():
    with pytest.raises(TypeError, match="int must be a BaseProvider"):
        register_provider("number")(int)  # type: ignore[type-var]
    assert "number" not in ProviderFactory.available()


@pytest.mark.parametrize(
    ("config", "field"), [({"type": "by_post"}, "type"), ({}, "base_url"), ({"base_url": "x"}, "base_url")]
)
def test_what_cannot_be_made_is_refused_by_name(config, field):
    with pytest.raises(InvalidRequestError) as caught:
        ProviderFactory.create_provider("mine", config)

    assert caught.value.param == field


def test_a_program_of_apis_alone_loads_no_browsers_driver():
    program = (
        "import sys, automation, backend.providers as p\n"
        "assert 'pydantic' not in sys.modules, 'the package itself is dear'\n"
        "p.ProviderFactory.create_provider('openai'), p.Config, p.CallParams, p.ProviderManager\n"
        "print('playwright' in sys.modules)"
    )

    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)

    assert done.stdout == "False\n"


@pytest.mark.parametrize("package", ["automation", "backend.providers"])
def test_a_name_that_is_not_there_is_an_attribute_error(package):
    module = sys.modules[package]

    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        module.Nothing  # noqa: B018
    assert all(hasattr(module, name) for name in module.__all__)
