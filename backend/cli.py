"""The command line: ``python -m backend.cli serve`` and ``… endpoints``."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import typer

from backend.main import serve as serve_with
from backend.settings import Settings

app = typer.Typer(help="Parley: web chat pages as OpenAI-compatible APIs.", no_args_is_help=True)

_ANSWER_S = 10.0


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on; HOST otherwise.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; PORT otherwise.")] = None,
) -> None:
    """Run the gateway."""
    given: dict[str, Any] = {"host": host, "port": port}
    serve_with(Settings(**{name: value for name, value in given.items() if value is not None}))


@app.command()
def endpoints(
    url: Annotated[str, typer.Option(help="Where the gateway runs.")] = "http://127.0.0.1:8000",
    key: Annotated[str, typer.Option(help="API key, where authentication is on.")] = "not-needed",
) -> None:
    """List the endpoints of a running gateway: id, state, address."""
    for endpoint in _fetch(f"{url.rstrip('/')}/api/endpoints/", key):
        reason = f"  ({endpoint['state_reason']})" if endpoint["state_reason"] else ""
        typer.echo(f"{endpoint['id']:30} {endpoint['state']:24} {endpoint['base_url']}{reason}")


def _fetch(url: str, key: str) -> Any:
    if not url.startswith(("http://", "https://")):
        sys.exit(f"{url} is not an http address.")
    request = Request(url, headers={"authorization": f"Bearer {key}"})  # noqa: S310  checked above
    try:
        with urlopen(request, timeout=_ANSWER_S) as answer:  # noqa: S310  checked above
            return json.load(answer)
    except HTTPError as exc:
        sys.exit(f"The gateway refused: {exc.code} {exc.read().decode('utf-8', 'replace')}")
    except URLError as exc:
        sys.exit(f"No gateway answers at {url}: {exc.reason}")


if __name__ == "__main__":
    app()
