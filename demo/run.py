"""`make demo`: a real chat page, the gateway before it, one question through the official client, then serve.

python -m demo.run [--once]
"""

from __future__ import annotations

import argparse
import fcntl
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx2
import openai
import yaml

from demo.gateway import Gateway
from demo.processes import Child, DemoError, free_port, running
from demo.site import has_model

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "data" / "demo"
ENDPOINT = "demo"
QUESTION = "In one short sentence: what is a web browser?"
SITE_S = 60.0
GATEWAY_S = 60.0
ACTIVE_S = 120.0
ANSWER_S = 300.0


def main() -> int:
    """Run the demo; return 0 when the answer came (and, without ``--once``, the person ended it), else 1."""
    parser = argparse.ArgumentParser(
        description="Turn a local chat page into an API and ask it one question."
    )
    parser.add_argument("--once", action="store_true", help="end after the answer")
    once = parser.parse_args().once
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    try:
        run_demo(once=once)
    except DemoError as exc:
        say(f"failed. {exc}")
        return 1
    except KeyboardInterrupt:
        say("ended")
        return 130 if once else 0
    return 0


def _interrupt(_number: int, _frame: object) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # the children are being ended; each has a limit of its own
    raise KeyboardInterrupt


def run_demo(*, once: bool) -> None:
    """Start everything, ask, and serve until interrupted unless ``once``; what was started is ended in any case.

    Raises:
        DemoError: Something failed; the message quotes the log of the program that did.
    """
    DATA.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        stack.enter_context(_only_one())
        site_url, profile = start_site(stack)
        gateway, child = start_gateway(stack)
        try:
            say(f"creating endpoint {ENDPOINT!r} for {site_url}")
            gateway.serve_endpoint(ENDPOINT, site_url, profile)
            gateway.wait_until_active(
                ENDPOINT, ACTIVE_S, lambda state: say(f"  endpoint is {state}"), child.pause
            )
            ask(gateway.url)
        except DemoError as exc:
            raise DemoError(f"{exc}\n{child.quote()}") from exc
        if not once:
            print(how_to_use(gateway.url, site_url), flush=True)
            while True:
                child.pause(3600)


@contextmanager
def _only_one() -> Iterator[None]:
    """Hold the demo's data folder: two gateways must not share one."""
    with (DATA / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as exc:
            raise DemoError("Another `make demo` of this folder is running; end it first.") from exc
        yield


def start_site(stack: ExitStack) -> tuple[str, object]:
    """Start the chat site; return its address, and the name of its profile or the profile itself."""
    if has_model():
        say("starting the chat site: llama.cpp's web UI with SmolLM2-135M, on this machine")
        try:
            return _serve(stack, "model", ready="health"), "llama-cpp"
        except DemoError as exc:
            say(f"the chat site with a model does not run here. {exc}")
    else:
        say("the wheels of the chat site with a model are not installed here")
    say("starting the bundled page instead; no model is behind it, and it says so")
    profile = yaml.safe_load(Path(__file__).with_name("bundled_profile.yaml").read_text("utf-8"))
    return _serve(stack, "bundled", ready=""), profile


def _serve(stack: ExitStack, kind: str, ready: str) -> str:
    port = free_port()
    url = f"http://127.0.0.1:{port}/"
    command = ["demo.site", kind, "--port", str(port)]
    site = stack.enter_context(running("chat site", command, DATA / "site.log", {}))
    site.wait_until_it_answers(url + ready, SITE_S)  # the page is there before its model is loaded
    return url


def start_gateway(stack: ExitStack) -> tuple[Gateway, Child]:
    """Start the gateway on port 8000, or on a free port where that is taken, with data of its own."""
    port = free_port(8000)
    url = f"http://127.0.0.1:{port}"
    say(f"starting the gateway on {url}")
    settings = {
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "DATA_DIR": str(DATA),
        "AUTH": "auto",
        "DATABASE_URL": "",
    }
    child = stack.enter_context(running("gateway", ["backend.main"], DATA / "gateway.log", settings))
    child.wait_until_it_answers(f"{url}/health", GATEWAY_S)
    return Gateway(url), child


def ask(gateway_url: str) -> None:
    """Ask one question through the official client and print the answer as it comes.

    Raises:
        DemoError: The answer failed, was empty, or ended without its end.
    """
    say(f"asking through the openai client: {QUESTION}")
    print(flush=True)
    started = time.monotonic()
    first_s, pieces, finish_reason = 0.0, 0, None
    try:
        with openai.OpenAI(
            base_url=f"{gateway_url}/v1",
            api_key="not-needed",
            timeout=ANSWER_S,
            max_retries=0,
            http_client=httpx2.Client(trust_env=False),
        ) as client:
            stream = client.chat.completions.create(
                model=ENDPOINT, messages=[{"role": "user", "content": QUESTION}], stream=True
            )
            for chunk in stream:
                for choice in chunk.choices:
                    finish_reason = choice.finish_reason or finish_reason
                    if choice.delta.content:
                        first_s = first_s or time.monotonic() - started
                        pieces += 1
                        print(choice.delta.content, end="", flush=True)
    except (openai.OpenAIError, httpx2.HTTPError) as exc:
        raise DemoError(f"The question was not answered: {exc}") from exc
    print("\n", flush=True)
    if not pieces or finish_reason is None:
        raise DemoError(f"The answer is not complete: {pieces} pieces, finish_reason {finish_reason}.")
    say(f"answered: first words after {first_s:.1f} s, {pieces} pieces in {time.monotonic() - started:.1f} s")


def how_to_use(gateway_url: str, site_url: str) -> str:
    """Return what a newcomer needs to go on from here."""
    return f"""
The gateway is running. Any OpenAI client can use it:

  base URL   {gateway_url}/v1   (any API key will do on this machine)
  model      {ENDPOINT}
  chat page  {site_url}   (what is being driven; open it in your browser)
  API docs   {gateway_url}/docs

  curl {gateway_url}/v1/chat/completions -H 'Content-Type: application/json' \\
    -d '{{"model": "{ENDPOINT}", "messages": [{{"role": "user", "content": "Hello!"}}], "stream": true}}'

Ctrl+C ends it."""


def say(text: str) -> None:
    """Print one step."""
    print(f"demo: {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
