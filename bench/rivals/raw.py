"""The floor: an ASGI callable that reads the body and answers 200. It checks nothing and keeps nothing."""

from typing import Any


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Read to the end, answer."""
    if scope["type"] != "http":
        return
    more = True
    while more:
        more = (await receive()).get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})
