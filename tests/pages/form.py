"""Reading and filling in the donate form as a browser without scripts would."""

import re
from html import unescape

FILLED_IN = {
    "currency": "usd",
    "amount_usd": "5000",
    "amount_krw": "50000",
    "fund": "rescue",
    "name": "Ada Park",
    "email": "ada@example.com",
    "dedication": "",
}


def hidden_fields(page: str) -> dict[str, str]:
    """What the page sends along: its token, its language and where the donor came from."""
    fields = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page)
    return {name: unescape(value) for name, value in fields}


def complaints(page: str) -> dict[str, str]:
    """By field: the sentence beside it."""
    found = re.findall(r'<p class="complaint" id="([a-z]+)-error">([^<]*)</p>', page)
    return {field: unescape(sentence) for field, sentence in found}
