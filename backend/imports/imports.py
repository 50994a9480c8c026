"""Creates the endpoints and rotations that import files describe: all of them, or none where a file is wrong."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from automation.errors import AutomationError
from backend.endpoints.manager import EndpointManager
from backend.errors import GatewayError
from backend.gateway.routing.rotation_registry import RotationRegistry
from backend.gateway.routing.rotations import Fallbacks, Rotation, check_fallbacks, check_rotation
from backend.imports.import_file import (
    Import,
    ImportedEndpoint,
    ImportedRotation,
    ImportFileError,
    Keys,
    parse_import,
)
from backend.providers.config import EndpointConfig, EndpointDraft

logger = logging.getLogger(__name__)

_FILES = ("providers.json", "rotations.json")


def import_files(data_dir: Path, more: Sequence[Path]) -> list[Path]:
    """Return the files to read: those that lie in the data directory, then those that were named."""
    return [*(data_dir / name for name in _FILES if (data_dir / name).is_file()), *more]


def read_imports(paths: Sequence[Path], keys: Keys) -> Import:
    """Return what the files describe together.

    Raises:
        ImportFileError: One can't be read or is wrong.
    """
    found = Import()
    for path in paths:
        try:
            text = path.read_text("utf-8-sig")
        except (OSError, UnicodeDecodeError) as exc:
            reason = getattr(exc, "strerror", None) or "is not UTF-8"
            raise ImportFileError(str(path), "the file", str(reason)) from exc
        found += parse_import(text, str(path), keys)
    return found


async def bring_in(described: Import, manager: EndpointManager, registry: RotationRegistry) -> None:
    """Create and start the endpoints that are missing, and add the missing rotations; existing ones stay as they are.

    Raises:
        ImportFileError: Something can't be created; then nothing was.
        StorageError: The database can't be used.
    """
    endpoints = [one for one in described.endpoints if not _exists(one, manager)]
    rotations = [one for one in described.rotations if not _is_kept(one, registry)]
    _check(endpoints, rotations, manager, registry)
    for endpoint in endpoints:
        # Their fallbacks may name each other and the rotations, which must exist first.
        await manager.create(endpoint.draft.model_copy(update={"fallbacks": ()}))
    for rotation in _in_order([one.rotation for one in rotations]):
        await registry.add(rotation, manager.fallbacks())
    for endpoint in endpoints:
        draft = endpoint.draft
        if draft.fallbacks:
            await manager.update(endpoint.slug, _always(draft))
        await manager.start(endpoint.slug)
        facts = {"endpoint": endpoint.slug, "file": endpoint.source}
        logger.info("endpoint_imported", extra=facts)
        if endpoint.lacks_key:
            logger.warning("endpoint_lacks_key", extra=facts)


def _always(draft: EndpointDraft) -> Callable[[EndpointConfig], EndpointDraft]:
    return lambda _config: draft


def _exists(one: ImportedEndpoint, manager: EndpointManager) -> bool:
    is_there = one.slug in manager.fallbacks()
    if is_there:
        logger.info("endpoint_import_skipped", extra={"endpoint": one.slug, "file": one.source})
    return is_there


def _is_kept(one: ImportedRotation, registry: RotationRegistry) -> bool:
    is_there = one.rotation.name in registry.all
    if is_there:
        facts = {"rotation": one.rotation.name, "file": one.source}
        logger.info("rotation_import_skipped", extra=facts)
    return is_there


def _check(
    endpoints: Sequence[ImportedEndpoint],
    rotations: Sequence[ImportedRotation],
    manager: EndpointManager,
    registry: RotationRegistry,
) -> None:
    known: dict[str, Sequence[str]] = {**manager.fallbacks()}
    for one in endpoints:
        if one.slug in known:
            raise ImportFileError(one.source, one.where, f"the endpoint {one.slug!r} is described twice")
        known[one.slug] = one.draft.fallbacks
        _examine(one, manager)
    named = {**registry.all}
    for rotation in rotations:
        if rotation.rotation.name in named:
            raise ImportFileError(rotation.source, rotation.where, "is described twice")
        named[rotation.rotation.name] = rotation.rotation
    _check_names(endpoints, rotations, named, known)


def _examine(one: ImportedEndpoint, manager: EndpointManager) -> None:
    try:
        manager.examine(one.draft.model_copy(update={"fallbacks": ()}))
    except (GatewayError, AutomationError) as exc:
        raise ImportFileError(one.source, one.where, str(exc)) from exc


def _check_names(
    endpoints: Sequence[ImportedEndpoint],
    rotations: Sequence[ImportedRotation],
    named: dict[str, Rotation],
    known: Fallbacks,
) -> None:
    everything = {**{name: rotation.fallbacks for name, rotation in named.items()}, **known}
    for rotation in rotations:
        try:
            check_rotation(rotation.rotation, named, known)
        except GatewayError as exc:
            raise ImportFileError(rotation.source, rotation.where, str(exc)) from exc
    for one in endpoints:
        try:
            check_fallbacks(one.slug, one.draft.fallbacks, everything, is_endpoint=True)
        except GatewayError as exc:
            raise ImportFileError(one.source, one.where, str(exc)) from exc


def _in_order(rotations: Sequence[Rotation]) -> list[Rotation]:
    """Return the rotations so that each comes after those that it falls back on; they go in no circle."""
    by_name = {rotation.name: rotation for rotation in rotations}
    ordered: dict[str, Rotation] = {}
    waiting = [*reversed(rotations)]
    while waiting:
        rotation = waiting[-1]
        first = [by_name[name] for name in rotation.fallbacks if name in by_name and name not in ordered]
        if first:
            waiting += first
        else:
            ordered.setdefault(rotation.name, waiting.pop())
    return list(ordered.values())
