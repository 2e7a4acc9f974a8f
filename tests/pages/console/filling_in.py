"""Filling in a form of the console and pressing its button, as a browser without scripts would."""

from fastapi.testclient import TestClient
from httpx2 import Response

from tests.pages.form import hidden_fields


def sends(of: TestClient, path: str, page: str = "", **typed: str) -> Response:
    """Send the form of a page, opened just now unless given, with what is typed into it."""
    shown = page or of.get(path).text
    return of.post(path, data=hidden_fields(shown) | typed)
