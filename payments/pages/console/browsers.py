"""Which browser somebody signed in with, in two words by which they know it again."""

from fastapi import Request

_BROWSERS = (
    # The first that is found: most call themselves by the names of others too.
    *(("Edg", "Edge"), ("OPR", "Opera"), ("SamsungBrowser", "Samsung Internet"), ("Whale", "Whale")),
    *(("Firefox", "Firefox"), ("FxiOS", "Firefox"), ("CriOS", "Chrome"), ("Chrome", "Chrome")),
    ("Safari", "Safari"),
)
_MACHINES = (
    *(("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("CrOS", "ChromeOS")),
    *(("Windows", "Windows"), ("Mac OS", "Mac"), ("Linux", "Linux")),
)


def browser_of(request: Request) -> str:
    """Such as `Firefox, Linux`; no more than that is kept of what a browser says of itself."""
    said = request.headers.get("user-agent", "")
    known = [next((name for mark, name in names if mark in said), "") for names in (_BROWSERS, _MACHINES)]
    return ", ".join(name for name in known if name)
