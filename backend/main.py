"""Runs the gateway: ``python -m backend.main``; with ``--import FILE…``, what these files describe is brought in first."""

from __future__ import annotations

import gc
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
import uvicorn
from pydantic import ValidationError

from backend.app import create_app
from backend.gateway.import_file import ImportFileError
from backend.observability.logs import configure_logging
from backend.persistence.address import DatabaseAddressError
from backend.security.exposure import ExposureError
from backend.settings import Settings

_log = logging.getLogger(__name__)

_GRACE_S = 2  # what running answers get at SIGTERM before they are ended
_BAD_SETTINGS = 2


def serve(settings: Settings, imports: Sequence[Path] = ()) -> None:
    """Listen until SIGTERM or SIGINT; the files ``imports`` are brought in at the start."""
    configure_logging(settings.log_level, settings.log_format)
    config = uvicorn.Config(
        create_app(settings, imports=imports),
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_GRACE_S,
    )
    _log.info("starting", extra={"host": settings.host, "port": settings.port})
    _collect_rarely()
    uvicorn.Server(config).run()


def _collect_rarely() -> None:
    """Leave what start-up made out of garbage collection, and look at the rest less often.

    A whole collection walks everything that was imported: 90 ms in which nothing is answered, several times a second
    under load. What requests leave behind has few cycles.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def main(
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="FILE…", help="Files that --import reads.")
    ] = None,
    *,
    with_import: Annotated[
        bool,
        typer.Option("--import", help="Create and start the providers and rotations of these files first."),
    ] = False,
) -> None:
    """Run the gateway with the settings of the environment; what is wrong with them is said in one line."""
    if bool(files) != with_import:
        _refuse(
            "Name the files after --import: python -m backend.main --import providers.json rotations.json"
        )
    try:
        serve(Settings(), files or ())
    except ValidationError as exc:
        problems = "; ".join(f"{'.'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in exc.errors())
        _refuse(f"Settings can't be used: {problems}")
    except (ExposureError, DatabaseAddressError, ImportFileError) as exc:
        _refuse(str(exc))


def _refuse(reason: str) -> None:
    sys.stderr.write(f"{reason}\n")
    sys.exit(_BAD_SETTINGS)


if __name__ == "__main__":
    typer.run(main)
