"""What stands on a page: its tables as a person reads them, and where its links lead."""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser


@dataclass
class Table:
    """One table by its caption; a row is a list of the words in its cells."""

    caption: str = ""
    rows: list[list[str]] = field(default_factory=list)
    heads_without_scope: int = 0


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tables: list[Table] = []
        self.links: list[str] = []
        self._in: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "a" and given.get("href"):
            self.links.append(str(given["href"]))
        elif tag == "table":
            self.tables.append(Table())
        elif tag == "tr":
            self.tables[-1].rows.append([])
        elif tag in {"td", "th"}:
            self._in = "cell"
            self.tables[-1].rows[-1].append("")
            self.tables[-1].heads_without_scope += tag == "th" and "scope" not in given
        elif tag == "caption":
            self._in = "caption"

    def handle_endtag(self, tag: str) -> None:
        if tag in {"td", "th", "caption"}:
            self._in = None

    def handle_data(self, data: str) -> None:
        if self._in == "caption":
            self.tables[-1].caption += data
        elif self._in == "cell":
            self.tables[-1].rows[-1][-1] += data


def tables(page: str) -> list[Table]:
    """Every table of a page."""
    reader = _Reader()
    reader.feed(page)
    for table in reader.tables:
        table.caption = " ".join(table.caption.split())
        table.rows = [[" ".join(cell.split()) for cell in row] for row in table.rows]
    return reader.tables


def table(page: str, caption: str) -> list[list[str]]:
    """The rows of the table whose caption begins so, its heads left out."""
    return next(found.rows[1:] for found in tables(page) if found.caption.startswith(caption))


def links(page: str) -> list[str]:
    """Every address that a page leads to."""
    reader = _Reader()
    reader.feed(page)
    return reader.links


def words(page: str) -> str:
    """What a person reads, without the marks."""
    reader = re.sub(r"<(style|script)[^>]*>.*?</\1>", " ", page, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", reader).replace("&#39;", "'").replace("&#34;", '"').split())
