"""Checks that the gateway doesn't listen on a public address without authentication. Pure."""

from __future__ import annotations

from typing import Literal

from backend.security.loopback import is_loopback_name


class ExposureError(Exception):
    """The server would be open to the network without anyone having said so."""


def check_exposure(bind_host: str, auth: Literal["auto", "on", "off"], *, is_auth_on: bool) -> str | None:
    """Return a warning to log, or None.

    Raises:
        ExposureError: ``bind_host`` is public, authentication is off, and ``AUTH=off`` was not said.
    """
    if is_auth_on or is_loopback_name(bind_host):
        return None
    if auth != "off":
        msg = (
            f"Refusing to listen on {bind_host} without authentication. "
            "Set AUTH=on, listen on 127.0.0.1, or say AUTH=off if everyone who reaches it may use it."
        )
        raise ExposureError(msg)
    return (
        f"AUTH=off on the public address {bind_host}: everyone who reaches it can use every endpoint. "
        "Only loopback names and ALLOWED_HOSTS are served."
    )
