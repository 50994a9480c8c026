"""The programs of the documents that this was ordered from run as they stand there, but for their import paths and addresses."""

from __future__ import annotations

import asyncio
import json
from textwrap import dedent
from typing import Any

import pytest

from tests.fakes.scripted_api import ScriptedApi, answers, completion, streams

RUN = {"id": 7, "status": "pending", "organization_id": 323}


async def run(program: str, **names: object) -> str:
    """Run the body of an async program, and return what it printed, one line each."""
    printed: list[str] = []
    code = "async def main():\n" + "".join(
        f"    {line}\n" for line in dedent(program).strip("\n").split("\n")
    )
    scope: dict[str, Any] = {**names, "print": lambda *words: printed.append(" ".join(map(str, words)))}
    exec(compile(code, "<snippet>", "exec"), scope)
    await scope["main"]()
    return "\n".join(printed)


BASIC_USAGE = """
from backend.providers import ProviderManager, ProviderFactory
from backend.providers import ProviderContext

# Create provider manager
manager = ProviderManager()

# Create Codegen API provider
codegen_provider = ProviderFactory.create_provider("PROVIDER", {
    "type": "api_based",
    "base_url": url,
    MORE
})

# Add to manager
await manager.add_provider(codegen_provider)

# Set authentication context
context = ProviderContext(
    provider_name="PROVIDER",
    auth_type="token",
    credentials={"token": "your-token-here"}
)

await manager.set_provider_context("PROVIDER", context)

# Send message
response = await manager.send_message("PROVIDER", "Hello, what is your model name?")
print(response.content)

# Check individual provider health
healthy = await manager.test_provider("PROVIDER")

# Check all providers
health_status = await manager.health_check_all()

# Get provider statistics
stats = await manager.get_provider_stats()
print(healthy, health_status, stats["PROVIDER"]["requests"])
await manager.cleanup()
"""


async def test_basic_usage_answers_through_an_api(api: ScriptedApi):
    api.plays(answers(completion("I am m")))
    program = BASIC_USAGE.replace("PROVIDER", "openai").replace("MORE", "")

    printed = await run(program, url=api.url)

    assert printed == "I am m\nTrue {'openai': True} 1"
    assert api.asked[0].headers["authorization"] == "Bearer your-token-here"
    assert api.asked[0].json["messages"] == [{"role": "user", "content": "Hello, what is your model name?"}]


async def test_basic_usage_answers_through_codegen(api: ScriptedApi):
    listed = answers({"items": []})
    api.plays(answers(RUN), answers({**RUN, "status": "COMPLETE", "result": "codegen-standard"}), listed)
    program = BASIC_USAGE.replace("PROVIDER", "codegen_api").replace(
        "MORE", '"org_id": "323", "base_delay": 0.01'
    )

    printed = await run(program, url=api.url.removesuffix("/v1"))

    assert printed == "codegen-standard\nTrue {'codegen_api': True} 1"
    assert api.asked[0].path == "/v1/organizations/323/agent/run"
    assert api.asked[0].json["prompt"] == "Hello, what is your model name?"
    assert api.asked[0].headers["authorization"] == "Bearer your-token-here"


async def test_basic_error_handling_tells_what_failed(api: ScriptedApi):
    api.plays(answers({"error": {"message": "no such model", "type": "invalid_request_error"}}, 404))
    program = """
    from backend.providers import ProviderManager, ProviderFactory
    manager = ProviderManager()
    await manager.add_provider(ProviderFactory.create_provider("provider", {"base_url": url}))
    try:
        response = await manager.send_message("provider", "Hello")
        if response.success:
            print(response.content)
        else:
            print(f"Error: {response.error}")
    except Exception as e:
        print(f"Exception: {str(e)}")
    await manager.cleanup()
    """

    printed = await run(program, url=api.url)

    assert printed == "Error: no such model"


async def test_the_provider_configuration_maps_models(api: ScriptedApi):
    api.plays(answers(completion("mapped")))
    program = """
    from backend.providers import ProviderManager, ProviderFactory
    provider_config = {
        "type": "api_based",  # or "web_automation"
        "base_url": url,
        "timeout": 300,
        "max_retries": 20,
        "model_mapping": {
            "gpt-4": "provider-advanced",
            "gpt-3.5-turbo": "provider-standard"
        }
    }
    async with ProviderManager() as manager:
        await manager.add_provider(ProviderFactory.create_provider("mine", provider_config))
        response = await manager.send_message("mine", "Hello", model="gpt-4")
        print(response.content)
    """

    printed = await run(program, url=api.url)

    assert printed == "mapped"
    assert api.asked[0].json["model"] == "provider-advanced"


async def test_a_program_may_add_an_api_provider_of_its_own():
    program = """
    from backend.providers import BaseProvider, ProviderType
    from backend.providers import register_provider, ProviderFactory, ProviderManager, ProviderResponse, ProviderContext

    @register_provider("my_api")
    class MyAPIProvider(BaseProvider):
        async def initialize(self, context):
            # Initialize your provider
            pass

        async def send_message(self, message, **kwargs):
            # Implement message sending
            return ProviderResponse(message.upper(), success=True, provider=self.name)

        async def stream_message(self, message, **kwargs):
            # Implement streaming
            pass

        async def health_check(self):
            # Implement health check
            pass

        async def cleanup(self):
            # Cleanup resources
            pass

    async with ProviderManager() as manager:
        await manager.add_provider(ProviderFactory.create_provider("my_api", {}), ProviderContext("my_api"))
        print((await manager.send_message("my_api", "hello")).content, await manager.test_provider("my_api"))
        try:
            async for text in manager.stream_message("my_api", "hello"):
                print(text)
        except TypeError as e:
            print(e)
    """

    printed = await run(program)

    assert printed == "HELLO False\nthe provider 'my_api' gave no stream"


async def test_streams_are_read_as_they_arrive(api: ScriptedApi):
    gate = asyncio.Event()
    script = streams("Hel", "lo")
    api.plays([*script[:3], gate, *script[3:]])
    program = """
    from backend.providers import ProviderManager, ProviderFactory
    async with ProviderManager() as manager:
        await manager.add_provider(ProviderFactory.create_provider("mine", {"base_url": url}))
        async for text in manager.stream_message("mine", "Hello"):
            print(text)
            gate.set()
    """

    printed = await run(program, url=api.url, gate=gate)

    assert printed == "Hel\nlo"


FRAMEWORK = """
from backend.providers import Config
from backend.providers import CallParams

# Load config and create provider
config = Config(path)
provider = await config.create_provider("deepseek")

# Make API call
params = CallParams(
    messages=[{"role": "user", "content": "Hello!"}],
    enable_thinking=False,
    enable_search=False,
)

result = await provider.call(params)
print(result.content)
"""


async def test_the_frameworks_quick_start_answers_with_keys_as_accounts(api: ScriptedApi, tmp_path):
    api.plays(answers(completion("Hi!")))
    path = tmp_path / "config.json"
    account = {"api_key": "key-1"}
    rate_limit = {"max_requests_per_period": 10, "period_seconds": 60.0, "min_delay_between_requests": 1.0}
    entry = {"base_url": api.url, "model": "m", "accounts": [account], "rate_limit": rate_limit}
    path.write_text(json.dumps({"providers": {"deepseek": entry}}))

    printed = await run(FRAMEWORK, path=str(path))

    assert printed == "Hi!"
    assert api.asked[0].headers["authorization"] == "Bearer key-1"
    assert api.asked[0].json == {"model": "m", "messages": [{"role": "user", "content": "Hello!"}]}


def test_a_program_that_closes_nothing_ends_cleanly(tmp_path):
    async def program() -> str:
        from tests.fakes.scripted_api import scripted_api

        async with scripted_api() as api:
            api.plays(answers(completion("Hi!")))
            path = tmp_path / "config.json"
            entry = {"base_url": api.url, "model": "m", "accounts": [{"api_key": "k"}]}
            path.write_text(json.dumps({"providers": {"deepseek": entry}}))
            return await run(FRAMEWORK, path=path)

    printed = asyncio.run(program())

    assert printed == "Hi!"


@pytest.mark.parametrize(
    "name", ["BaseProvider", "ProviderFactory", "ProviderManager", "ProviderContext", "register_provider"]
)
def test_the_packages_offer_the_documents_names(name):
    import backend.providers

    assert getattr(backend.providers, name).__name__ == name
