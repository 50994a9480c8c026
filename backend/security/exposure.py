"""Checks that the gateway doesn't listen on a public address without authentication. Pure."""

from __future__ import annotations

from collections.abc import Collection
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


def find_open_doors(
    cors_origins: Collection[str], allowed_hosts: Collection[str], *, is_auth_on: bool
) -> list[str]:
    """Return a warning for each setting that gives every web page a user visits what they have themselves."""
    if is_auth_on:
        return []
    warnings = []
    if "*" in cors_origins:
        warnings.append(
            "CORS_ORIGINS=* without authentication: every web page that a user visits can do everything here."
        )
    if "*" in allowed_hosts:
        warnings.append(
            "ALLOWED_HOSTS=* without authentication: a web page whose name is made to lead here (DNS rebinding) can do everything."
        )
    return warnings
