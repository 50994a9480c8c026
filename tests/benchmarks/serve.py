"""Starts the gateway as the gateway benchmark asks: model ``bench-model`` on the API at ``--upstream``, key ``sk-bench``.

Every feature is on that a user would have on: authentication, rate limit, usage records, routing, log lines.
"""

from __future__ import annotations

import argparse
import json
import os
import runpy
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MODEL = "bench-model"
KEY = "sk-bench"


def main() -> None:
    """Make a data directory for this one run, and become the gateway."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", required=True)
    parser.add_argument("--upstream", required=True, help="base URL of an OpenAI-compatible API")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="parley-bench-") as folder:
        data = Path(folder)
        key = data / "admin_key"
        key.touch(mode=0o600)
        key.write_text(KEY, "ascii")
        provider = {"id": MODEL, "name": MODEL, "endpoint": arguments.upstream, "type": "openai"}
        provider |= {"api_key": "up-key", "models": [{"name": MODEL}]}
        (data / "providers.json").write_text(json.dumps({"providers": {MODEL: provider}}), "utf-8")
        os.environ.update(
            PORT=arguments.port,
            DATA_DIR=folder,
            AUTH="on",
            RATE_LIMIT_REQUESTS="1000000000",
            LOG_LEVEL="INFO",
        )
        sys.path.insert(0, str(ROOT))
        sys.argv = ["backend.main"]
        runpy.run_module("backend.main", run_name="__main__")


if __name__ == "__main__":
    main()
