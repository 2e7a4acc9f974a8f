"""THE TABLE: how often each thing may be done, in calm and under attack.

The numbers are made for a church or a university whose hundreds of donors share one address on the day of a
campaign, and for the house as a whole by CHECKOUTS_PER_HOUR. Each limit is a window that slides; its name is
what counts together.
"""

from payments.settings import settings
from payments.shield.windows import REMEMBERED, Limit

_TEN_MINUTES = 600
_HOUR = 3600
_DAY = 24 * _HOUR

HOUSEHOLD = Limit("household", 300, _TEN_MINUTES)
"""New checkouts from one address (IPv4) or /64 (IPv6)."""
HOUSEHOLD_UNDER_ATTACK = 30
"""So many then, and three more for each gift of that address that was paid."""
HOUSEHOLD_OF_DECLINES = 3
"""So many where the gifts of that address are declined cards and little else."""
NEIGHBOURHOOD = Limit("neighbourhood", 600, _TEN_MINUTES)
"""From one /24 or /48."""
NEIGHBOURHOOD_UNDER_ATTACK = 90
"""So many then, and three more for each gift from there that was paid: all the customers of a telephone
company may be one neighbourhood."""
EMAIL = Limit("email", 10, _TEN_MINUTES)
"""For one e-mail address: who corrects an amount or tries another card begins anew each time."""
EMAIL_UNDER_ATTACK = 4
EMAIL_OF_DECLINES = 2
EMAIL_DAY = Limit("email-day", 30, _DAY)

KEY = Limit("key", 1_000_000, 60)
"""Never refuses: under which keys a gift is being begun. Its row comes a moment later, and a hurried donor's
second press may come before it."""
PUZZLE = Limit("puzzle", 2, 4 * _HOUR)
"""Uses of one solved puzzle: one may change one's mind once."""
WAITED_PUZZLE = Limit("puzzle-waited", 1, 4 * _HOUR)
WAITED = Limit("waited", 6, _HOUR)
"""Let in for having waited, house-wide, when nothing else without proof is."""

TURNED_AWAY = Limit("turned-away", 0, _TEN_MINUTES)
"""Never refuses: counts tries that were."""
ALARM = Limit("alarm", 0, _TEN_MINUTES)
"""Never refuses: that an attack was seen."""
UNNAMED_PROXY = Limit("unnamed-proxy", 1, _HOUR)
"""That a web server forwards to us which TRUSTED_PROXIES does not name."""

LINKS_ASKED = Limit("links-household", 30, _TEN_MINUTES)
"""Links to gifts asked for, from one address: a church office may ask for its donors."""
LINKS_FOR_EMAIL = Limit("links-email", 5, _HOUR)
LINKS_FOR_EMAIL_DAY = Limit("links-email-day", 12, _DAY)
LINKS = Limit("links", 300, _TEN_MINUTES)
LETTERS_ASKED = Limit("letters-household", 30, _TEN_MINUTES)
"""Newsletters asked for, from one address: a table at a fair has one."""
LETTERS_FOR_EMAIL = Limit("letters-email", 5, _HOUR)
LETTERS = Limit("letters", 600, _TEN_MINUTES)
"""By everybody together: each may be a mail to a stranger."""
LINKS_OPENED = Limit("links-opened", 60, _TEN_MINUTES)
"""Links to all gifts tried, from one address."""
PAPERS = Limit("papers", 200, _TEN_MINUTES)
"""Receipts and statements fetched by one donor: a year of them, one after the other."""
SUMMARIES = Limit("summaries", 12, _TEN_MINUTES)
"""Summaries drawn for one donor; each is set anew."""
STEERED_FROM = Limit("steered-household", 120, _TEN_MINUTES)
"""Changes to monthly gifts, from one address."""
STEERED = Limit("steered", 30, _TEN_MINUTES)
"""Changes by one link."""
STRIPE_PAGES = Limit("stripe-pages", 10, _TEN_MINUTES)
"""Pages at Stripe (another card, an open invoice) opened by one link."""
TOKENS_REFUSED = Limit("tokens-refused", 20, _TEN_MINUTES)
"""Wrong staff tokens, from one address."""
SIGN_INS_REFUSED = Limit("sign-ins-refused", 30, _TEN_MINUTES)
"""Wrong passwords or codes of staff, from one address, by browsers that nobody signed in with before."""
DOCUMENTS_MISSED = Limit("documents-missed", 30, _TEN_MINUTES)
"""Wrong numbers or codes on the page that checks receipts, from one address."""

WITHOUT_PROOF = "without-proof"
RETRY_AFTER_SECONDS = 300
"""What every refusal says, so that none tells which limit it was."""

_USUAL_PER_HOUR = 2000
_FEW = 12


def house_minute() -> Limit:
    """New checkouts of everybody in a minute: a quarter of an hour's, for when a whole hall gives at once."""
    return Limit("house-minute", settings().checkouts_per_hour // 4, 60)


def house_hour() -> Limit:
    """What may be spent of Stripe in an hour, by everybody together."""
    return Limit("house-hour", settings().checkouts_per_hour, _HOUR)


def without_proof(at_most: int | None = None) -> Limit:
    """New checkouts without a solved puzzle, by everybody together: a few on their way, and two more for
    each of them that was paid. Who tries out cards pays nothing. Without a number: the most there may be."""
    return Limit(WITHOUT_PROOF, a_few() + 2 * REMEMBERED if at_most is None else at_most, _TEN_MINUTES)


def a_few() -> int:
    """What is little for this house: twelve, and more only where it expects more than usual."""
    return max(_FEW, _FEW * settings().checkouts_per_hour // _USUAL_PER_HOUR)
