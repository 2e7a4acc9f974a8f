"""Asking Stripe: each deed one method, each answer a small frozen shape.

Every POST carries an idempotency key of ours, so the same deed asked twice is done once. Lists are
read as plain JSON: building the library's objects for a page costs a hundred times its decoding.
"""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

import requests
import stripe
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from requests.utils import get_environ_proxies
from stripe.params import RefundCreateParams
from stripe.params.checkout import SessionCreateParams, SessionCreateParamsLineItemPriceData

from payments.money import Money
from payments.once import once
from payments.settings import settings
from payments.stripe_gateway import shapes
from payments.stripe_gateway.billing import Billing
from payments.stripe_gateway.billing_shapes import MONTHLY_GIFT
from payments.stripe_gateway.shapes import DONATION, REFUND
from payments.stripe_gateway.speaking import Line, WouldWrite, translated_errors

_CONNECTIONS = 100
"""As many as a process has threads that may speak to Stripe at once, and more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckoutRequest:
    """What Stripe is asked to collect. Built from the stored gift alone, so that asking again with
    the same key asks the very same thing."""

    donation_id: str
    total: Money
    description: str
    email: str
    locale: str
    success_url: str
    cancel_url: str
    expires_at: datetime
    monthly_gift_id: str | None = None
    """The promise it is the first instalment of: Stripe then collects the same each month."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckoutPage:
    """The page Stripe opened for the donor."""

    stripe_checkout_session_id: str
    url: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundRequest:
    """What Stripe is asked to give back. Built from the stored row alone, and without the donor."""

    refund_id: str
    donation_id: str
    stripe_charge_id: str
    amount: int
    reason: str | None
    day: int = 0
    """How many days ago Stripe was first asked. It forgets a key after a day, and until then repeats
    whatever it first answered, an error of its own too; so each day has a key of its own."""

    @property
    def key(self) -> str:
        """The idempotency key: asked again on the same day, it is the same refund."""
        return f"refund:{self.refund_id}:{self.day}" if self.day else f"refund:{self.refund_id}"


class StripeGateway:
    """One client of one process; safe to share between threads."""

    def __init__(self, *, secret_key: str, api_base: str = "", only_reads: bool = False) -> None:
        self._client = stripe.StripeClient(
            secret_key,
            base_addresses={"api": api_base} if api_base else None,
            http_client=stripe.RequestsClient(
                timeout=cast(Any, (3, 12)),
                session=cast(Any, _http_session(api_base or "https://api.stripe.com", only_reads=only_reads)),
            ),
            max_network_retries=2,
        )
        self._line = Line(self._client, only_reads=only_reads)
        self.billing = Billing(self._line)

    def open_checkout(self, request: CheckoutRequest) -> CheckoutPage:
        """Open the hosted page for a gift. Keyed by the gift: asked again, it is the same page.

        A monthly one is paid by a customer that Stripe makes anew: a known one, with the cards kept
        there, must not be shown to whoever types that person's address.
        """
        reference = {DONATION: request.donation_id}
        price: SessionCreateParamsLineItemPriceData = {
            "currency": request.total.currency,
            "unit_amount": request.total.minor,
            "product_data": {"name": request.description},
        }
        params: SessionCreateParams = {
            "mode": "payment",
            "submit_type": "donate",
            "client_reference_id": request.donation_id,
            "customer_email": request.email,
            "locale": "ko" if request.locale == "ko" else "en",
            "expires_at": int(request.expires_at.timestamp()),
            "adaptive_pricing": {"enabled": False},
            "success_url": request.success_url,
            "cancel_url": request.cancel_url,
            "line_items": [{"quantity": 1, "price_data": price}],
            "metadata": reference,
        }
        # Metadata is not inherited: the payment and its charge, or the subscription, need their own copy.
        if request.monthly_gift_id is None:
            params["payment_intent_data"] = {"metadata": reference}
        else:
            promise = {MONTHLY_GIFT: request.monthly_gift_id}
            params["mode"] = "subscription"
            price["recurring"] = {"interval": "month"}
            params["metadata"] = reference | promise
            params["subscription_data"] = {"metadata": promise}
        # Read as plain JSON: of the answer's seventy fields two are wanted.
        session = self._line.post(
            "/v1/checkout/sessions", cast(Any, params), key=f"checkout:{request.donation_id}"
        )
        return CheckoutPage(stripe_checkout_session_id=session["id"], url=session["url"])

    def refund(self, request: RefundRequest) -> shapes.Refund:
        """Give money back. From the second day on only after `find_refund` has found none."""
        params: RefundCreateParams = {
            "charge": request.stripe_charge_id,
            "amount": request.amount,
            "metadata": {REFUND: request.refund_id, DONATION: request.donation_id},
        }
        if request.reason is not None:
            params["reason"] = request.reason
        with translated_errors():
            made = self._client.v1.refunds.create(params, {"idempotency_key": request.key})
        return shapes.read(shapes.Refund, shapes.as_bytes(made.to_dict()))

    def find_refund(self, request: RefundRequest) -> shapes.Refund | None:
        """The refund that was made for this row, whenever that was."""
        for page in self._line.pages("/v1/refunds", {"charge": request.stripe_charge_id}):
            for found in page:
                refund = shapes.read(shapes.Refund, shapes.as_bytes(found))
                if refund.refund_id == request.refund_id:
                    return refund
        return None

    def balance_transactions(
        self, *, created_from: datetime, created_before: datetime | None = None
    ) -> Iterator[list[Mapping[str, Any]]]:
        """Pages of a hundred, newest first, each with its source expanded."""
        created = _between(created_from, created_before)
        return self._line.pages("/v1/balance_transactions", {"created": created, "expand": ["data.source"]})

    def pages_of(self, what: str, params: Mapping[str, Any]) -> Iterator[list[Mapping[str, Any]]]:
        """Any of Stripe's lists (`charges`, `subscriptions`, …) as it is sent, newest first. For reading a
        history that is not ours."""
        return self._line.pages(f"/v1/{what}", params)

    def balance(self) -> Mapping[str, Any]:
        """What Stripe holds for us just now."""
        return self._line.get("/v1/balance")

    def payout(self, stripe_payout_id: str) -> Mapping[str, Any]:
        """A payout as it is now."""
        return self._line.get(f"/v1/payouts/{stripe_payout_id}")

    def carried_by(self, stripe_payout_id: str) -> Iterator[list[Mapping[str, Any]]]:
        """What an automatic payout is made of, its own transaction too, in pages of a hundred. Whole only
        once its reconciliation is completed."""
        return self._line.pages(
            "/v1/balance_transactions", {"payout": stripe_payout_id, "expand": ["data.source"]}
        )

    def events(
        self, *, created_from: datetime, created_before: datetime | None = None
    ) -> Iterator[list[Mapping[str, Any]]]:
        """Pages of a hundred events, newest first. Stripe keeps them thirty days."""
        return self._line.pages("/v1/events", {"created": _between(created_from, created_before)})

    def account_id(self) -> str:
        """Whose key this is."""
        return str(self._line.get("/v1/account")["id"])

    def webhook_endpoints(self) -> list[Mapping[str, Any]]:
        """The endpoints Stripe delivers to, with their API version and status."""
        return [endpoint for page in self._line.pages("/v1/webhook_endpoints", {}) for endpoint in page]


def _between(first: datetime, before: datetime | None) -> dict[str, int]:
    """Whole seconds, as Stripe counts; without an end up to now."""
    since = {"gte": int(first.timestamp())}
    return since if before is None else {**since, "lt": int(before.timestamp())}


class _OnlyReads(HTTPAdapter):
    """Lets nothing but questions through, and no more of them a second than Stripe likes."""

    def __init__(self) -> None:
        super().__init__()
        self._next_at = time.monotonic_ns()

    def send(self, request: requests.PreparedRequest, *args: Any, **more: Any) -> requests.Response:
        if request.method != "GET":
            raise WouldWrite
        early = timedelta(microseconds=(self._next_at - time.monotonic_ns()) // 1000)
        if early > timedelta(0):
            time.sleep(early.total_seconds())
        self._next_at = time.monotonic_ns() + _BETWEEN_QUESTIONS_NS
        return super().send(request, *args, **more)


_BETWEEN_QUESTIONS_NS = 50_000_000
"""Twenty a second: Stripe allows 25 to each of its lists (docs.stripe.com/rate-limits), and some are left to
whoever else asks."""


class _OneHost(requests.Session):
    """Sends what Stripe's library has made ready as it is: there are no cookies and no redirects to follow,
    and to read the address and every header once more would take a third of the CPU of a call."""

    # As Stripe's library asks, and nobody else does.
    def request(  # type: ignore[override]
        self, method: str, url: str, *, headers: Mapping[str, str], data: str | bytes | None, **how: Any
    ) -> requests.Response:
        ready = requests.PreparedRequest()
        ready.method, ready.url = method.upper(), url
        ready.headers = CaseInsensitiveDict({**cast(dict[str, str], self.headers), **headers})
        ready.body = data.encode() if isinstance(data, str) else data
        if ready.method != "GET":
            ready.headers["Content-Length"] = str(len(ready.body or b""))
        return self.get_adapter(url).send(ready, proxies=self.proxies, **how)


def _http_session(address: str, *, only_reads: bool = False) -> requests.Session:
    """One pool of connections for all threads. The environment's proxy is looked up once here and not
    again with every call: there is one host, and the environment does not change."""
    session = _OneHost()
    session.trust_env = False
    session.proxies.update(get_environ_proxies(address))
    pool = _OnlyReads() if only_reads else HTTPAdapter(pool_maxsize=_CONNECTIONS)
    session.mount("https://", pool)
    session.mount("http://", pool)
    return session


@once
def gateway() -> StripeGateway:
    """The client of this process."""
    return StripeGateway(
        secret_key=settings().stripe_secret_key.get_secret_value(), api_base=settings().stripe_api_base
    )


@once
def reading_gateway() -> StripeGateway:
    """A client that cannot change anything at Stripe, whatever it is asked to do."""
    return StripeGateway(
        secret_key=settings().stripe_secret_key.get_secret_value(),
        api_base=settings().stripe_api_base,
        only_reads=True,
    )
