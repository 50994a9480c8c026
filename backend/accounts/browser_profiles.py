"""Stores the profiles of accounts' own browsers as encrypted files, unpacked while a browser runs.

``<folder>/<endpoint>/<account>.sealed`` is a zip file under AES-256-GCM, ``<folder>/<endpoint>/<account>/`` the profile of a
running browser. A gateway that is killed leaves the directory; it holds more than the file, so that it is the one gone on with.
"""

from __future__ import annotations

import io
import logging
import os
import shutil
import zipfile
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

import anyio

from automation.browser.profile_folder import OpenProfile, until_unlocked
from automation.errors import BrowserUnavailableError
from backend.accounts.vault import Vault, VaultError

logger = logging.getLogger(__name__)

_SEALED = ".sealed"
_HALF = ".part"
_LONGEST_NAME = 100
_CLOSES_S = 5.0
# What Chromium makes again by itself: caches, and what it fetches for itself.
_CACHES = frozenset(
    {
        "BrowserMetrics",
        "Cache",
        "Code Cache",
        "Crash Reports",
        "Crashpad",
        "DawnGraphiteCache",
        "DawnWebGPUCache",
        "GPUCache",
        "GPUPersistentCache",
        "GrShaderCache",
        "GraphiteDawnCache",
        "OptimizationGuideModelsManifest",
        "Safe Browsing",
        "ShaderCache",
        "component_crx_cache",
        "extensions_crx_cache",
        "optimization_guide_model_store",
    }
)


class SealedProfile:
    """The profile of one account's browser in ``plain`` (an ``automation`` ``ProfileFolder``)."""

    def __init__(self, plain: Path, vault: Vault) -> None:
        self._plain = plain
        self._sealed = plain.with_name(f"{plain.name}{_SEALED}")
        self._vault = vault
        self._purpose = f"profile/{plain.parent.name}/{plain.name}"

    async def unseal(self) -> OpenProfile:
        """Return the directory for a browser to run on.

        Raises:
            BrowserUnavailableError: It can't be written.
        """
        try:
            return await anyio.to_thread.run_sync(self._unpack)
        except OSError as exc:
            raise BrowserUnavailableError(
                f"The browser's profile can't be written to {self._plain} ({exc.strerror}). "
                "Free some space in DATA_DIR, or see why it can't be written."
            ) from exc

    async def seal(self) -> None:
        """Encrypt the profile and remove the directory; where that fails, the directory stays and is used again."""
        if not self._plain.exists():
            return
        if not await until_unlocked(self._plain, _CLOSES_S):
            logger.warning(
                "profile_not_sealed", extra={"path": str(self._plain), "reason": "a browser uses it"}
            )
            return
        try:
            await anyio.to_thread.run_sync(self._pack)
        except OSError as exc:
            logger.warning("profile_not_sealed", extra={"path": str(self._plain), "reason": exc.strerror})

    async def clear(self) -> None:
        """Forget the profile."""
        await until_unlocked(self._plain, _CLOSES_S)
        await anyio.to_thread.run_sync(self._remove)

    def size_bytes(self) -> int:
        """Return what is kept while no browser runs; 0 before it was sealed the first time."""
        return self._sealed.stat().st_size if self._sealed.exists() else 0

    def reseal(self) -> None:
        """Seal what an old key sealed with the present one.

        Raises:
            VaultError: No key opens it.
            OSError: It can't be read or written.
        """
        if self._sealed.exists():
            anew = self._vault.resealed_bytes(self._sealed.read_bytes(), self._purpose)
            if anew is not None:
                _write(self._sealed, anew)

    def _unpack(self) -> OpenProfile:
        if self._plain.exists():
            return OpenProfile(self._plain, "left")
        packed = self._read()
        half = self._plain.with_name(f"{self._plain.name}{_HALF}")
        shutil.rmtree(half, ignore_errors=True)
        for folder in (half.parent.parent, half.parent, half):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if packed is not None:
            with zipfile.ZipFile(io.BytesIO(packed)) as archive:
                archive.extractall(half)
        half.rename(self._plain)
        return OpenProfile(self._plain, "new" if packed is None else "sealed")

    def _read(self) -> bytes | None:
        if not self._sealed.exists():
            return None
        try:
            return self._vault.unseal_bytes(self._sealed.read_bytes(), self._purpose)
        except VaultError:
            logger.warning("profile_not_read", extra={"path": str(self._sealed)})
            return None

    def _pack(self) -> None:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            for path in _kept_files(self._plain):
                archive.writestr(str(path.relative_to(self._plain)), path.read_bytes(), zipfile.ZIP_DEFLATED)
        _write(self._sealed, self._vault.seal_bytes(packed.getvalue(), self._purpose))
        shutil.rmtree(self._plain)

    def _remove(self) -> None:
        self._sealed.unlink(missing_ok=True)
        shutil.rmtree(self._plain, ignore_errors=True)


class BrowserProfiles:
    """All of them, in one folder."""

    def __init__(self, folder: Path, vault: Vault) -> None:
        # A browser's lock is compared with the whole path.
        self._folder = folder.resolve()
        self._vault = vault

    def profile(self, slug: str, account: str) -> SealedProfile:
        """Return the profile of one account; nothing is read or written yet."""
        return SealedProfile(self._folder / slug / _file_name(account), self._vault)

    async def seal_left(self) -> None:
        """Seal what a gateway that was killed left open, and what an old key sealed."""
        for plain in sorted(self._folder.glob("*/*/")):
            if plain.name.endswith(_HALF):
                shutil.rmtree(plain, ignore_errors=True)
            else:
                await SealedProfile(plain, self._vault).seal()
        for sealed in sorted(self._folder.glob(f"*/*{_SEALED}")):
            plain = sealed.with_name(sealed.name.removesuffix(_SEALED))
            try:
                SealedProfile(plain, self._vault).reseal()
            except (VaultError, OSError):
                logger.warning("profile_not_read", extra={"path": str(sealed)})

    async def forget(self, slug: str) -> None:
        """Forget the profiles of an endpoint that is no more."""
        await anyio.to_thread.run_sync(lambda: shutil.rmtree(self._folder / slug, ignore_errors=True))


def _file_name(account: str) -> str:
    """Return an account's name as that of a file, which no other account has."""
    name = quote(account, safe="@+").replace(".", "%2E")
    return name if len(name) <= _LONGEST_NAME else sha256(account.encode()).hexdigest()


def _kept_files(profile: Path) -> Iterator[Path]:
    for path in sorted(profile.rglob("*")):
        is_kept = not _CACHES.intersection(path.relative_to(profile).parts)
        if is_kept and path.is_file() and not path.is_symlink():
            yield path


def _write(path: Path, content: bytes) -> None:
    """Write a file that only its user reads, whole or not at all."""
    half = path.with_name(f"{path.name}{_HALF}")
    half.unlink(missing_ok=True)
    with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    half.rename(path)
