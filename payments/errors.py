"""Errors are named by the fact and carry it; the doors decide what a caller sees.

Two kinds matter to the workers: `TryLater` (the same work may succeed in a while) and
`PersonMustLook` (trying again changes nothing; the work is parked with its reason).
"""


class AlmonerError(Exception):
    """The base of every error this project raises on purpose."""


class TryLater(AlmonerError):
    """Something outside is not ready; the same work is due again later."""


class PersonMustLook(AlmonerError):
    """A fact that no retry can mend; the message tells the person what to check."""


class StripeUnavailable(TryLater):
    """Stripe did not answer, asked us to slow down, or failed on its side."""


class StripeRefused(PersonMustLook):
    """Stripe answered that our request is wrong: parameters, key or permission."""

    def __init__(self, reason: str, *, code: str | None = None) -> None:
        super().__init__(reason)
        self.code = code


class UnreadableStripeObject(PersonMustLook):
    """An object of a known type in a shape we do not know: never guessed, always shown."""
