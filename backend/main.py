"""Runs the gateway: ``python -m backend.main``; ``--import FILE…`` creates what these files describe first."""

from __future__ import annotations

import argparse
import gc
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from backend.app import create_app
from backend.imports.import_file import ImportFileError
from backend.observability.logs import configure_logging
from backend.persistence.address import DatabaseAddressError
from backend.security.exposure import ExposureError
from backend.server.descriptors import count_connections_for, raise_descriptor_limit
from backend.server.limits import ConnectionLimits
from backend.server.server import GatewayServer, build_server_config
from backend.settings import Settings, describe_settings_error

logger = logging.getLogger(__name__)

_BAD_SETTINGS = 2


def run_server(settings: Settings, imports: Sequence[Path] = ()) -> None:
    """Listen until SIGTERM or SIGINT; the files ``imports`` are imported at the start."""
    configure_logging(settings.log_level, settings.log_format)
    os.umask(0o077)  # what is written from here on is this user's alone
    app = create_app(settings, imports=imports)
    config = build_server_config(app, settings.host, settings.port, trusted_proxies=settings.trusted_proxies)
    most = count_connections_for(raise_descriptor_limit())
    logger.info("gateway_starting", extra={"host": settings.host, "port": settings.port})
    _collect_rarely()
    limits = ConnectionLimits(most_connections=most)
    GatewayServer(config, limits, app.ending, settings.shutdown_grace_s).run()


def _collect_rarely() -> None:
    """Exclude start-up objects from garbage collection, and run it less often.

    A whole collection walks everything that was imported: 90 ms in which nothing is answered, several times a second
    under load. What requests leave behind has few cycles.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def main(arguments: Sequence[str] = ()) -> None:
    """Serve with the settings of the environment; say in one line what is wrong with them, or with a file."""
    parser = argparse.ArgumentParser(prog="python -m backend.main", description="Runs the gateway.")
    files = "create and start the missing endpoints and rotations of these files first"
    parser.add_argument(
        "--import", dest="imports", nargs="+", type=Path, default=(), metavar="FILE", help=files
    )
    imports = parser.parse_args(arguments).imports
    try:
        run_server(Settings(), imports)
    except ValidationError as exc:
        _refuse(describe_settings_error(exc))
    except (ExposureError, DatabaseAddressError, ImportFileError, OSError, ValueError) as exc:
        _refuse(str(exc))


def _refuse(reason: str) -> None:
    sys.stderr.write(f"{reason}\n")
    sys.exit(_BAD_SETTINGS)


if __name__ == "__main__":
    main(sys.argv[1:])
