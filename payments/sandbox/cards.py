"""Stripe's documented test cards: which pay, which are declined and how, which ask for 3-D Secure.

Only test numbers are taken, as in Stripe's own sandboxes. A number is looked at once and forgotten; what is
kept is the brand, the last four digits, the expiry, the country and a keyed fingerprint.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Decline:
    """Why a card was refused, in Stripe's words for machines and for the donor."""

    code: str
    decline_code: str | None
    message: str
    advice: str | None = None
    network_code: str = "05"
    blocked: bool = False


_GENERIC = "Your card was declined."
DECLINES = {
    "generic_decline": Decline("card_declined", "generic_decline", _GENERIC, "try_again_later", "01"),
    "insufficient_funds": Decline(
        "card_declined",
        "insufficient_funds",
        "Your card has insufficient funds. Try a different card.",
        "try_again_later",
        "51",
    ),
    "lost_card": Decline("card_declined", "lost_card", _GENERIC, "do_not_try_again", "41"),
    "stolen_card": Decline("card_declined", "stolen_card", _GENERIC, "do_not_try_again", "43"),
    "expired_card": Decline(
        "expired_card", None, "Your card has expired. Try a different card.", "do_not_try_again", "54"
    ),
    "incorrect_cvc": Decline(
        "incorrect_cvc", None, "Your card's security code is incorrect.", "confirm_card_data", "N7"
    ),
    "processing_error": Decline(
        "processing_error",
        None,
        "An error occurred while processing your card. Try again in a little bit.",
        "try_again_later",
        "96",
    ),
    "incorrect_number": Decline(
        "incorrect_number", None, "Your card number is incorrect.", "confirm_card_data", "14"
    ),
    "card_velocity_exceeded": Decline(
        "card_declined",
        "card_velocity_exceeded",
        "Your card has been declined for making repeated attempts too frequently or exceeding its limit.",
        "try_again_later",
        "61",
    ),
    "fraudulent": Decline("card_declined", "fraudulent", _GENERIC, "do_not_try_again", "59", blocked=True),
}


@dataclass(frozen=True)
class Card:
    """What is kept of a card that a donor typed, and what it does when it is charged."""

    brand: str
    last4: str
    country: str
    decline: Decline | None = None
    needs_authentication: bool = False
    asks_every_time: bool = False
    """Asks for 3-D Secure at every renewal, too, and not only while the donor is there."""
    available_at_once: bool = False
    can_be_kept: bool = False
    """Refuses every charge, and still lets itself be kept for later ones."""
    exp_month: int = 12
    exp_year: int = 2034
    fingerprint: str = ""
    funding: str = "credit"


_REFUSES_LATER = "4000000000000341"
_DECLINING = {
    "4000000000000002": "generic_decline",
    "4000000000009995": "insufficient_funds",
    "4000000000009987": "lost_card",
    "4000000000009979": "stolen_card",
    "4000000000000069": "expired_card",
    _REFUSES_LATER: "generic_decline",
    "4000000000000127": "incorrect_cvc",
    "4000000000000119": "processing_error",
    "4000000000006975": "card_velocity_exceeded",
    "4100000000000019": "fraudulent",
}
_PAYING = {
    "4242424242424242": Card("visa", "4242", "US"),
    "4000056655665556": Card("visa", "5556", "US", funding="debit"),
    "5555555555554444": Card("mastercard", "4444", "US"),
    "2223003122003222": Card("mastercard", "3222", "US"),
    "5200828282828210": Card("mastercard", "8210", "US", funding="debit"),
    "378282246310005": Card("amex", "0005", "US"),
    "6011111111111117": Card("discover", "1117", "US"),
    "3566002020360505": Card("jcb", "0505", "JP"),
    "4000000000000077": Card("visa", "0077", "US", available_at_once=True),
}
_AUTHENTICATED = {
    "4000002760003184": None,
    "4000002500003155": None,
    "4000003800000446": None,
    "4000008260003178": "insufficient_funds",
    "4000008400001629": "generic_decline",
}
_ASKS_ONCE = ("4000002500003155", "4000003800000446")
# Stripe's cards by country are 4000 00, the numeric ISO code, six zeros and the check digit.
_COUNTRIES = {
    "036": "AU",
    "040": "AT",
    "056": "BE",
    "076": "BR",
    "124": "CA",
    "156": "CN",
    "208": "DK",
    "246": "FI",
    "250": "FR",
    "276": "DE",
    "344": "HK",
    "356": "IN",
    "372": "IE",
    "380": "IT",
    "392": "JP",
    "410": "KR",
    "484": "MX",
    "528": "NL",
    "554": "NZ",
    "578": "NO",
    "702": "SG",
    "724": "ES",
    "752": "SE",
    "756": "CH",
    "826": "GB",
    "840": "US",
}
KOREAN_CARD = "4000004100000003"


def digits_only(number: str) -> str:
    return "".join(number.split()).replace("-", "")


def passes_luhn(number: str) -> bool:
    if not (number.isascii() and number.isdigit() and 12 <= len(number) <= 19):
        return False
    total = 0
    for place, digit in enumerate(reversed(number)):
        value = int(digit) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def look_up(number: str) -> Card | None:
    """The test card with this number; None for a number that is not a test card."""
    if number in _PAYING:
        return _PAYING[number]
    if number in _DECLINING:
        return Card(
            "visa",
            number[-4:],
            "US",
            decline=DECLINES[_DECLINING[number]],
            can_be_kept=number == _REFUSES_LATER,
        )
    if number in _AUTHENTICATED:
        declines_as = _AUTHENTICATED[number]
        decline = DECLINES[declines_as] if declines_as else None
        return Card(
            "visa",
            number[-4:],
            "US",
            decline=decline,
            needs_authentication=True,
            asks_every_time=number not in _ASKS_ONCE,
        )
    if len(number) == 16 and number.startswith("400000") and number[9:15] == "000000" and passes_luhn(number):
        country = _COUNTRIES.get(number[6:9])
        if country is not None:
            return Card("visa", number[-4:], country)
    return None


def with_expiry(card: Card, *, month: int, year: int, fingerprint: str) -> Card:
    return replace(card, exp_month=month, exp_year=year, fingerprint=fingerprint)
