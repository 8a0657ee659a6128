"""An OpenAPI document as HTML."""

from typing import Any

from pixelwire.manage.docs_page import render


def make_document(**operation: Any) -> dict[str, Any]:
    whole = {
        "operationId": "read",
        "summary": "Read",
        "tags": ["T"],
        "responses": {"200": {"description": "OK"}},
    }
    return {
        "info": {"title": "T & Co", "version": "1", "description": "Says `x < y`."},
        "servers": [{"url": "http://m.test"}],
        "paths": {"/a/{b}": {"get": whole | operation}},
        "components": {
            "schemas": {
                "New": {
                    "properties": {"name": {"type": "string"}, "n": {"type": "integer"}},
                    "required": ["name"],
                }
            }
        },
    }


def test_text_of_the_document_is_escaped() -> None:
    """Nothing in it becomes markup but the code it marks."""
    page = render(make_document(summary="<script>alert(1)</script>"))
    assert "<script" not in page
    assert "T &amp; Co" in page
    assert "<code>x &lt; y</code>" in page


def test_members_of_a_body_tell_which_are_needed() -> None:
    """And the line for curl has those."""
    body = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/New"}}}}
    page = render(make_document(requestBody=body))
    assert "<code>name</code>" in page
    assert "<code>n?</code>" in page
    assert "{&quot;name&quot;: &quot;string&quot;}" in page


def test_a_token_is_in_the_example_only_where_one_is_needed() -> None:
    """So that the line works when it is pasted."""
    assert "$TOKEN" not in render(make_document())
    assert "$TOKEN" in render(make_document(security=[{"token": []}]))
