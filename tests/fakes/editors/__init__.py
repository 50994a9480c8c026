"""Pages with the real editors that chat pages use, bundled from npm into a cache folder outside the repository."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

HERE = Path(__file__).parent
SOURCES = ("package.json", "editors.js", "editors.html")
EDITORS = (
    "textarea",
    "line",
    "editable",
    "editable-pre",
    "plaintext-only",
    "prosemirror",
    "tiptap",
    "lexical-plain",
    "lexical-rich",
    "quill",
    "codemirror",
    "slate",
)
_INSTALL_S = 300


class NoEditors(Exception):
    """The editors can't be bundled here; the message says why."""


def editor_pages() -> Path:
    """Return the page that shows the editor which its query names (``editors.html?quill``), built at the first call.

    Raises:
        NoEditors: npm is not there, or installs nothing.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    names = hashlib.sha256(b"".join((HERE / name).read_bytes() for name in SOURCES)).hexdigest()[:12]
    folder = cache / "parley-test-editors" / names
    page = folder / "editors.html"
    if not page.exists():
        _build(folder)
        # Last, so that a build that was broken off is not taken for one.
        shutil.copy(HERE / page.name, page)
    return page


def _build(folder: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        msg = "npm is not there"
        raise NoEditors(msg)
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "editors.js"):
        shutil.copy(HERE / name, folder / name)
    options = ("--bundle", "--format=iife", "--minify", '--define:process.env.NODE_ENV="production"')
    for command in (
        (npm, "install", "--no-audit", "--no-fund"),
        (npm, "exec", "--no", "--", "esbuild", "editors.js", *options, "--outfile=editors.bundle.js"),
    ):
        try:
            subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=_INSTALL_S)
        except (subprocess.SubprocessError, OSError) as exc:
            msg = f"the editors can't be bundled: {exc}"
            raise NoEditors(msg) from exc
