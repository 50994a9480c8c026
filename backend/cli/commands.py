"""The command line: ``python -m backend.cli serve``, ``… endpoints``, ``… doctor`` and ``… profile-schema``."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import anyio
import typer

from automation.profiles.schema import build_profile_schema
from backend.accounts.vault import VaultError
from backend.cli.doctor import default_browser, inspect_browser, start_report, stored_browser
from backend.main import run_server as serve_with
from backend.observability.logs import configure_logging
from backend.settings import Settings

app = typer.Typer(help="Parley: web chat pages as OpenAI-compatible APIs.", no_args_is_help=True)

_ANSWER_S = 10.0


@app.command("serve")
def serve_command(
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


@app.command()
def doctor(
    endpoint: Annotated[
        str | None,
        typer.Option(help="Id of the endpoint whose browser is looked at; the gateway's otherwise."),
    ] = None,
) -> None:
    """Show what a site sees of the browser, and what doesn't agree; exits with 1 where something doesn't."""
    configure_logging("ERROR", "text")
    settings = Settings()
    config = default_browser(settings)
    if endpoint is not None:
        try:
            stored = anyio.run(stored_browser, settings, endpoint)
        except (VaultError, OSError, ValueError) as exc:
            sys.exit(f"The endpoint can't be read: {exc}")
        if stored is None:
            sys.exit(f"There is no endpoint {endpoint!r}; `python -m backend.cli endpoints` lists them.")
        config = stored
    report = start_report(settings, config)
    if report.problem is None:
        anyio.run(inspect_browser, settings, config, report)
    for line in report.lines():
        typer.echo(line)
    if not report.is_healthy:
        raise typer.Exit(1)


@app.command()
def profile_schema() -> None:
    """Print the JSON Schema of selector profiles, by which editors complete, explain and check their keys."""
    typer.echo(json.dumps(build_profile_schema(), indent=2, ensure_ascii=False))


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
