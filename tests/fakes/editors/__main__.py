"""Bundles the editors, which takes npm a while the first time; says why where that is not possible."""

from __future__ import annotations

import sys

from tests.fakes.editors import NoEditors, editor_pages

if __name__ == "__main__":
    try:
        editor_pages()
    except NoEditors as exc:
        print(f"tests with real editors are skipped: {exc}", file=sys.stderr)
