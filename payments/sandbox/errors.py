"""The refusals of Stripe's API, in Stripe's error shape, so that the library raises what it would live."""

from __future__ import annotations

from typing import Any


class Refusal(Exception):
    """A request was refused; carries the HTTP status and the fields of Stripe's `error` object."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        kind: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        **more: Any,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.error: dict[str, Any] = {"message": message, "type": kind}
        if code is not None:
            self.error["code"] = code
            self.error["doc_url"] = f"https://stripe.com/docs/error-codes/{code.replace('_', '-')}"
        if param is not None:
            self.error["param"] = param
        self.error.update(more)

        self.took_effect = False
        """A card that was declined leaves its attempt behind; any other refusal leaves nothing."""

    def body(self) -> dict[str, Any]:
        return {"error": self.error}


def card_declined(error: dict[str, Any]) -> Refusal:
    """A payment that was attempted and declined, from the PaymentIntent's own account of it."""
    more = {key: value for key, value in error.items() if key not in ("message", "type", "code", "doc_url")}
    refusal = Refusal(error["message"], status=402, kind="card_error", code=error["code"], **more)
    refusal.took_effect = True
    return refusal


def unknown_parameter(param: str) -> Refusal:
    return Refusal(f"Received unknown parameter: {param}", code="parameter_unknown", param=param)


def missing_parameter(param: str) -> Refusal:
    return Refusal(f"Missing required param: {param}.", code="parameter_missing", param=param)


def no_such(thing: str, thing_id: str, *, param: str = "id") -> Refusal:
    return Refusal(f"No such {thing}: '{thing_id}'", status=404, code="resource_missing", param=param)


def not_in_this_sandbox(param: str) -> Refusal:
    """Stripe knows the parameter and this sandbox does not act on it: refusing is better than ignoring."""
    return Refusal(
        f"`{param}` exists at Stripe but is not in this sandbox yet. Leave it out, or use a Stripe test key.",
        code="sandbox_not_simulated",
        param=param,
    )
