"""The command line: ``python -m backend.cli serve``, ``… endpoints``, ``… try``, ``… doctor`` and ``… profile-schema``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import anyio
import typer
from pydantic import ValidationError

from automation.profiles.schema import build_profile_schema
from backend.accounts.vault import VaultError
from backend.assembly import find_admin_key_file
from backend.cli.doctor import default_browser, inspect_browser, start_report, stored_browser
from backend.cli.trial import BAD_USAGE, FINE, TrialRequest, TrialUsageError, run_trials
from backend.main import run_server as serve_with
from backend.observability.logs import configure_logging
from backend.settings import Settings, describe_settings_error

app = typer.Typer(help="Parley: web chat pages as OpenAI-compatible APIs.", no_args_is_help=True)

_ANSWER_S = 10.0
_NO_KEY = "not-needed"


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
    url: Annotated[str | None, typer.Option(help="Where the gateway runs; HOST and PORT otherwise.")] = None,
    key: Annotated[str | None, typer.Option(help="API key; DATA_DIR/admin_key otherwise.")] = None,
) -> None:
    """List the endpoints of a running gateway: id, state, address."""
    settings = _load_settings()
    address = url or _find_address(settings)
    for endpoint in _fetch(f"{address.rstrip('/')}/api/endpoints/", key or _find_key(settings, url)):
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
    settings = _load_settings()
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


@app.command("try")
def try_command(
    url: Annotated[str, typer.Argument(help="Address of the chat page.")],
    profile: Annotated[str, typer.Option(help="A profile's file, or its name.")],
    *,
    ask: Annotated[
        str | None, typer.Option(help="A prompt to send, once; without it the page is looked at.")
    ] = None,
    account: Annotated[
        str | None, typer.Option(help="ENDPOINT or ENDPOINT/ACCOUNT whose stored session is used.")
    ] = None,
    session: Annotated[
        Path | None, typer.Option(help="A file with a session: Playwright's storage_state, or cookies.")
    ] = None,
    picture: Annotated[Path, typer.Option(help="Where the screenshot goes.")] = Path("parley-try.png"),
    headed: Annotated[bool, typer.Option("--headed", help="Show the browser's window.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Again whenever the file is saved.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Try a profile on its page, without a gateway; exits with 1 where something is to change, with 2 for bad usage."""
    configure_logging("ERROR", "text")
    request = TrialRequest(
        url=url,
        profile=profile,
        ask=ask,
        session=session,
        account=account,
        picture=picture,
        headed=headed,
        as_json=as_json,
        watch=watch,
    )
    try:
        code = anyio.run(run_trials, request, _load_settings(), typer.echo)
    except TrialUsageError as exc:
        typer.echo(str(exc), err=True)
        raise typer.Exit(BAD_USAGE) from exc
    except KeyboardInterrupt:  # the end of --watch
        raise typer.Exit(FINE) from None
    raise typer.Exit(code)


@app.command()
def profile_schema() -> None:
    """Print the JSON Schema of selector profiles, by which editors complete, explain and check their keys."""
    typer.echo(json.dumps(build_profile_schema(), indent=2, ensure_ascii=False))


def _find_address(settings: Settings) -> str:
    """Return where a gateway with these settings is reached from this machine."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.port}"


def _find_key(settings: Settings, url: str | None) -> str:
    """Return the key that a gateway with these settings made; one elsewhere must not learn it."""
    file = find_admin_key_file(settings)
    try:
        return file.read_text("utf-8").strip() if url is None else _NO_KEY
    except OSError:
        return _NO_KEY


def _load_settings() -> Settings:
    try:
        return Settings()
    except ValidationError as exc:
        typer.echo(describe_settings_error(exc), err=True)
        raise typer.Exit(BAD_USAGE) from exc


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
