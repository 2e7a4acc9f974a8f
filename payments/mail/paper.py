"""The paper letters are written on: one frame, and the templates of the room that writes."""

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

_FRAME = Path(__file__).parent / "templates"


@cache
def paper(templates: Path) -> Environment:
    """A room's templates, which may extend `frame.html`. HTML is escaped, plain text is not, and a word
    that nobody gave is an error."""
    return Environment(
        loader=FileSystemLoader([templates, _FRAME]),
        autoescape=select_autoescape(enabled_extensions=("html",), default=False),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
