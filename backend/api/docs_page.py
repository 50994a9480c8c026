"""The page that describes the API for people: made here of the OpenAPI document, without a script of anybody's."""

from __future__ import annotations

import base64
import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from html import escape
from typing import Any

from fastapi import FastAPI
from starlette.responses import HTMLResponse

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1b1f24; }
h2 { margin-top: 2rem; border-bottom: 1px solid #d0d7de; }
details { border: 1px solid #d0d7de; border-radius: 6px; margin: .4rem 0; padding: .4rem .8rem; }
summary { cursor: pointer; }
summary b { display: inline-block; min-width: 4.5rem; font-family: monospace; }
code, pre { font-family: ui-monospace, monospace; font-size: 13px; }
pre { overflow-x: auto; background: #f6f8fa; padding: .6rem; border-radius: 6px; }
table { border-collapse: collapse; }
td { border: 1px solid #d0d7de; padding: .2rem .6rem; }
@media (prefers-color-scheme: dark) {
  body { background: #0d1117; color: #e6edf3; } pre { background: #161b22; } a { color: #58a6ff; }
}
"""
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_HEADERS = {
    "content-security-policy": (
        f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
}
_METHODS = ("get", "post", "put", "patch", "delete")


def serve_docs_page(app: FastAPI) -> None:
    """Serve ``GET /docs``."""

    @cache
    def page() -> bytes:
        return "".join(_render(app.openapi())).encode()

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        return HTMLResponse(page(), headers=_HEADERS)


def _render(document: Mapping[str, Any]) -> Iterator[str]:
    title = escape(f"{document['info']['title']} {document['info']['version']}")
    yield f"<!doctype html><html lang=en><meta charset=utf-8><title>{title}</title><style>{_STYLE}</style>"
    yield f'<h1>{title}</h1><p>The same for programs: <a href="/openapi.json">openapi.json</a>.</p>'
    by_tag: dict[str, list[str]] = defaultdict(list)
    for path, operations in sorted(document["paths"].items()):
        for method in _METHODS:
            if method in operations:
                operation = operations[method]
                tag = next(iter(operation.get("tags", ())), "other")
                by_tag[tag].append("".join(_operation(method, path, operation)))
    for tag, rendered in by_tag.items():
        yield f"<h2>{escape(tag)}</h2>{''.join(rendered)}"
    yield "<h2>Schemas</h2>"
    for name, schema in sorted(document.get("components", {}).get("schemas", {}).items()):
        yield f"<details id={json.dumps(escape(name))}><summary>{escape(name)}</summary>{_json(schema)}</details>"


def _operation(method: str, path: str, operation: Mapping[str, Any]) -> Iterator[str]:
    words = escape(operation.get("summary", ""))
    yield f"<details><summary><b>{method.upper()}</b> <code>{escape(path)}</code> {words}</summary>"
    if operation.get("description"):
        yield f"<p>{escape(operation['description'])}</p>"
    if parameters := operation.get("parameters"):
        rows = "".join(
            f"<tr><td><code>{escape(one['name'])}</code><td>{escape(one['in'])}"
            f"<td>{'required' if one.get('required') else ''}<td>{escape(one.get('description', ''))}"
            for one in parameters
        )
        yield f"<h3>Parameters</h3><table>{rows}</table>"
    if body := operation.get("requestBody"):
        yield f"<h3>Body</h3>{_content(body)}"
    for status, response in operation.get("responses", {}).items():
        yield f"<h3>{escape(status)}</h3><p>{escape(response.get('description', ''))}</p>{_content(response)}"
    yield "</details>"


def _content(described: Mapping[str, Any]) -> str:
    return "".join(
        f"<p><code>{escape(kind)}</code></p>{_schema(value.get('schema', {}))}"
        for kind, value in described.get("content", {}).items()
    )


def _schema(schema: Mapping[str, Any]) -> str:
    name = str(schema.get("$ref", "")).rpartition("/")[2]
    return f'<p><a href="#{escape(name)}">{escape(name)}</a></p>' if name else _json(schema)


def _json(schema: Mapping[str, Any]) -> str:
    return f"<pre>{escape(json.dumps(schema, indent=1, ensure_ascii=False))}</pre>" if schema else ""
