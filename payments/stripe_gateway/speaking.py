"""One conversation with Stripe's API in plain JSON, and its errors in this project's two kinds.

The library's own objects cost a hundred times the decoding of the same answer, so requests go out and
come back as plain mappings. What they mean is said in `client` and `billing`.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, cast

import stripe

from payments.errors import AlmonerError, StripeRefused, StripeUnavailable

_PAGE = 100

KEY_REFUSED = "key_refused"
"""The code of a refusal that is about our key and not about what was asked: Stripe names none."""


class Declined(StripeRefused):
    """A bank said no to a payment. No fault of the request, and for some askers an answer."""

    def __init__(
        self, reason: str, *, code: str | None, decline_code: str | None, advice_code: str | None
    ) -> None:
        super().__init__(reason, code=code)
        self.decline_code = decline_code
        self.advice_code = advice_code


class WouldWrite(AlmonerError):
    """A deed was asked of a client that only reads. It was not sent."""

    def __init__(self) -> None:
        super().__init__("This reads an account and changes nothing in it; the deed was not sent to Stripe.")


class Line:
    """Asks Stripe, over one client; safe to share between threads."""

    def __init__(self, client: stripe.StripeClient, *, only_reads: bool = False) -> None:
        self._client = client
        self._only_reads = only_reads

    def get(self, path: str, params: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
        """Read one object or one page."""
        with translated_errors():
            return self._ask("get", path, params or {})

    def post(self, path: str, params: Mapping[str, Any], *, key: str | None) -> Mapping[str, Any]:
        """Ask for a deed under a key of ours: asked again within a day, it is the same deed. `None` is
        for a deed that may as well be done twice."""
        with translated_errors():
            return self._ask("post", path, params, **({"idempotency_key": key} if key else {}))

    def delete(self, path: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
        """End an object. Stripe takes no key here; a second time it says that the object is gone."""
        with translated_errors():
            return self._ask("delete", path, params)

    def pages(self, path: str, params: Mapping[str, Any]) -> Iterator[list[Mapping[str, Any]]]:
        """A list in pages of a hundred, newest first; an empty list has no page."""
        asked = {**params, "limit": _PAGE}
        while True:
            answer = self.get(path, asked)
            page = answer["data"]
            if page:
                yield page
            if not answer["has_more"]:
                return
            asked["starting_after"] = page[-1]["id"]

    def _ask(self, how: str, path: str, params: Mapping[str, Any], **options: Any) -> Mapping[str, Any]:
        if self._only_reads and how != "get":
            raise WouldWrite
        return cast(Mapping[str, Any], self._client.raw_request(how, path, **options, **params).data)


@contextmanager
def translated_errors() -> Iterator[None]:
    """Stripe's errors in this project's two kinds: try later, or a person must look."""
    try:
        yield
    except (stripe.APIConnectionError, stripe.RateLimitError, stripe.APIError) as error:
        raise StripeUnavailable(_sentence(error)) from error
    except stripe.StripeError as error:
        # 409 of a key in use: the first call with this key is still running.
        if error.http_status == 409:
            raise StripeUnavailable(_sentence(error)) from error
        if isinstance(error, stripe.CardError):
            said = cast(dict[str, Any], error.json_body or {}).get("error", {})
            raise Declined(
                _sentence(error),
                code=error.code,
                decline_code=said.get("decline_code"),
                advice_code=said.get("advice_code"),
            ) from error
        is_about_the_key = isinstance(error, stripe.AuthenticationError | stripe.PermissionError)
        raise StripeRefused(_sentence(error), code=KEY_REFUSED if is_about_the_key else error.code) from error


_PERMISSION = re.compile(r"\brak_[a-z_]+")
"""How Stripe names the permission that a restricted key lacks."""


def _sentence(error: stripe.StripeError) -> str:
    """What went wrong, without what Stripe repeats of our request: that may hold an address."""
    missing = _PERMISSION.search(str(error.user_message or ""))
    what = error.code or (missing and f"needs {missing.group()}") or error.http_status or _silence(error)
    return f"Stripe: {type(error).__name__} {what}"


def _silence(error: stripe.StripeError) -> str:
    """No answer came; the kind of trouble underneath says whether it was the line, the time or the answer."""
    cause = error.__cause__
    return "no answer" if cause is None else f"no answer ({type(cause).__name__})"
