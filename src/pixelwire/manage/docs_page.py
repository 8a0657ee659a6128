"""An OpenAPI document as HTML. Pure: knows no route and no request."""

import json
import re
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any, Final

Schema = Mapping[str, Any]

_CODE: Final = re.compile(r"`([^`]+)`")
_METHODS: Final = ("get", "post", "patch", "delete")


def render(document: Schema) -> str:
    """The whole page."""
    page = _Page(document)
    info = document["info"]
    title = escape(info["title"])
    return (
        "<!doctype html>\n"
        f'<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<link rel="icon" href="data:,"><link rel="stylesheet" href="/docs/style.css"></head>\n'
        f"<body><nav><h2>{title}</h2>{page.contents()}</nav>\n"
        f"<main><h1>{title} <small>{escape(info['version'])}</small></h1>"
        f"<p>{_prose(info['description'])}</p>"
        '<p>The same for programs: <a href="/openapi.json">openapi.json</a> (OpenAPI 3.1).</p>\n'
        f"{page.operations()}</main></body></html>\n"
    )


class _Page:
    def __init__(self, document: Schema) -> None:
        self._schemas: Schema = document.get("components", {}).get("schemas", {})
        self._server = document["servers"][0]["url"]
        self._by_tag: dict[str, list[tuple[str, str, Schema]]] = {}
        for path, operations in document["paths"].items():
            for method in _METHODS:
                if method in operations:
                    tag = operations[method].get("tags", ["Other"])[0]
                    self._by_tag.setdefault(tag, []).append((method, path, operations[method]))

    def contents(self) -> str:
        return "".join(
            f"<h3>{escape(tag)}</h3><ul>{''.join(_link(method, entry) for method, _, entry in entries)}</ul>"
            for tag, entries in self._by_tag.items()
        )

    def operations(self) -> str:
        return "".join(
            f"<h2>{escape(tag)}</h2>\n{''.join(self._operation(*entry) for entry in entries)}"
            for tag, entries in self._by_tag.items()
        )

    def _operation(self, method: str, path: str, operation: Schema) -> str:
        return (
            f'<section id="{escape(operation["operationId"])}">'
            f"<h3>{escape(operation['summary'])}</h3>"
            f'<p class="path"><b class="{method}">{method.upper()}</b> <code>{escape(path)}</code></p>'
            f"<p>{_prose(operation.get('description', ''))}</p>"
            f"{_table('Parameters', self._parameters(operation))}"
            f"{_table('Body', self._members(operation))}"
            f"<pre>{escape(self._curl(method, path, operation))}</pre>"
            f"{''.join(self._answers(operation))}</section>\n"
        )

    def _parameters(self, operation: Schema) -> Iterator[tuple[str, str, str]]:
        for parameter in operation.get("parameters", ()):
            name = parameter["name"] + ("" if parameter.get("required") else "?")
            told = parameter.get("description", "")
            yield f"{name} <i>{parameter['in']}</i>", self._type(parameter["schema"]), told

    def _members(self, operation: Schema) -> Iterator[tuple[str, str, str]]:
        schema = self._resolved(self._body(operation))
        for name, member in schema.get("properties", {}).items():
            mark = "" if name in schema.get("required", ()) else "?"
            yield escape(name) + mark, self._type(member), member.get("description", "")

    def _body(self, operation: Schema) -> Schema:
        found: Schema = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
        schema: Schema = found.get("schema", {})
        return next((kind for kind in schema.get("anyOf", ()) if "$ref" in kind), schema)

    def _curl(self, method: str, path: str, operation: Schema) -> str:
        parts = ["curl"]
        if operation.get("security"):
            parts.append('-H "Authorization: Bearer $TOKEN"')
        if method != "get":
            parts.append(f"-X {method.upper()}")
        body = self._resolved(self._body(operation))
        if body:
            required = body.get("required") or list(body.get("properties", {}))[:1]
            sample = {name: self._sample(body["properties"][name]) for name in required}
            parts.append(f"-d '{json.dumps(sample)}'")
        return " ".join([*parts, f"'{self._server}{path}'"])

    def _answers(self, operation: Schema) -> Iterator[str]:
        for status, answer in operation["responses"].items():
            content = answer.get("content", {}).get("application/json")
            shown = (
                f"<pre>{escape(json.dumps(self._sample(content['schema']), indent=2))}</pre>"
                if content and content.get("schema") and status.startswith("2")
                else ""
            )
            told = "" if status.startswith("2") else f" {_prose(answer['description'])}"
            is_open = " open" if shown else ""
            yield f"<details{is_open}><summary><b>{status}</b>{told}</summary>{shown}</details>"

    def _resolved(self, schema: Schema) -> Schema:
        while "$ref" in schema:
            schema = self._schemas[schema["$ref"].rpartition("/")[2]]
        return schema

    def _type(self, schema: Schema) -> str:
        schema = self._resolved(schema)
        if "anyOf" in schema:
            return " or ".join(self._type(kind) for kind in schema["anyOf"])
        if "enum" in schema:
            return " | ".join(str(choice) for choice in schema["enum"])
        if "const" in schema:
            return str(schema["const"])
        if schema.get("type") == "array":
            return f"array of {self._type(schema['items'])}"
        default = f", default {json.dumps(schema['default'])}" if schema.get("default") is not None else ""
        return f"{schema.get('format') or schema.get('type', 'any')}{default}"

    def _sample(self, schema: Schema) -> Any:
        """A value of the schema's shape, its types in words."""
        schema = self._resolved(schema)
        if "examples" in schema:
            return schema["examples"][0]
        if "anyOf" in schema:
            return self._sample(schema["anyOf"][0])
        if "properties" in schema:
            return {name: self._sample(member) for name, member in schema["properties"].items()}
        if schema.get("type") == "array":
            return [self._sample(schema["items"])]
        if schema.get("type") == "object":
            return {}
        return self._type(schema)


def _link(method: str, operation: Schema) -> str:
    name, summary = escape(operation["operationId"]), escape(operation["summary"])
    return f'<li><a href="#{name}"><b class="{method}">{method.upper()}</b> {summary}</a></li>'


def _table(title: str, rows: Iterator[tuple[str, str, str]]) -> str:
    """Nothing when there are no rows. The first column is HTML."""
    body = "".join(
        f"<tr><td><code>{name}</code></td><td>{escape(kind)}</td><td>{_prose(told)}</td></tr>"
        for name, kind, told in rows
    )
    return f"<table><caption>{title}</caption>{body}</table>" if body else ""


def _prose(text: str) -> str:
    return _CODE.sub(r"<code>\1</code>", escape(text, quote=False)).replace("\n\n", "<br>")
