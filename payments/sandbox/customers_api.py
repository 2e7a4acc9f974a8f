"""The part of Stripe's API that is about who pays: customers and the methods that are theirs."""

from __future__ import annotations

from typing import Any

from payments.sandbox import billing, shapes, subscriptions
from payments.sandbox.answers import create, list_of, retrieve, route
from payments.sandbox.checkout_parameters import LOCALES, METHOD_TYPES
from payments.sandbox.errors import Refusal
from payments.sandbox.events import emit
from payments.sandbox.forms import NOT_SIMULATED, Unsettable, merged_metadata, read
from payments.sandbox.lists import PAGING, expanded, page
from payments.sandbox.store import Thing, copied
from payments.sandbox.world import World

_ADDRESS = dict.fromkeys(shapes.EMPTY_ADDRESS, "str")
_SAID = ("email", "name", "phone", "description", "business_name", "individual_name")
_BOTH: dict[str, Any] = {
    "address": _ADDRESS,
    "business_name": Unsettable("str"),
    "description": Unsettable("str"),
    "email": Unsettable("str"),
    "expand": ["str"],
    "individual_name": Unsettable("str"),
    "metadata": "map",
    "name": Unsettable("str"),
    "phone": Unsettable("str"),
    "preferred_locales": [tuple(LOCALES)],
    **dict.fromkeys(
        (
            "balance",
            "cash_balance",
            "invoice_prefix",
            "next_invoice_sequence",
            "shipping",
            "source",
            "tax",
            "tax_exempt",
            "validate",
        ),
        NOT_SIMULATED,
    ),
}
CREATE: dict[str, Any] = {
    **_BOTH,
    "invoice_settings": NOT_SIMULATED,
    "payment_method": NOT_SIMULATED,
    "tax_id_data": NOT_SIMULATED,
    "test_clock": NOT_SIMULATED,
}
UPDATE: dict[str, Any] = {
    **_BOTH,
    "default_source": NOT_SIMULATED,
    "invoice_settings": {
        "default_payment_method": Unsettable("str"),
        "custom_fields": NOT_SIMULATED,
        "footer": NOT_SIMULATED,
        "rendering_options": NOT_SIMULATED,
    },
}


def _said(given: dict[str, Any]) -> dict[str, Any]:
    changes = {name: given[name] for name in _SAID if name in given}
    if "preferred_locales" in given:
        changes["preferred_locales"] = given["preferred_locales"]
    if "address" in given:
        address = given["address"]
        changes["address"] = None if address is None else {**shapes.EMPTY_ADDRESS, **address}
    return changes


def create_customer(world: World, tree: dict[str, Any]) -> Thing:
    given = read(tree, CREATE)
    customer = shapes.customer(world, email=None, name=None)
    customer.update(_said(given), metadata=given.get("metadata") or {})
    world.store.save("customer", customer)
    emit(world, "customer.created", customer)
    return customer


def _update_customer(world: World, tree: dict[str, Any], customer_id: str) -> Thing:
    given = read(tree, UPDATE)
    customer = world.find("customer", customer_id, param="customer")
    changes = _said(given)
    if "metadata" in given:
        changes["metadata"] = merged_metadata(customer["metadata"], tree)
    if given.get("invoice_settings") is not None:
        method_id = given["invoice_settings"].get("default_payment_method")
        if method_id is not None:
            _check_attached(world, method_id, customer_id)
        changes["invoice_settings"] = {
            **customer["invoice_settings"],
            "default_payment_method": method_id,
        }
    previous = copied({name: customer[name] for name, value in changes.items() if customer[name] != value})
    if previous:
        customer.update(changes)
        world.store.save("customer", customer)
        emit(world, "customer.updated", customer, previous=previous)
    return expanded(world, customer, list((tree.get("expand") or {}).values()))


def _check_attached(world: World, method_id: str, customer_id: str) -> None:
    method = world.find("payment_method", method_id, param="invoice_settings[default_payment_method]")
    if method["customer"] != customer_id:
        raise Refusal(
            f"The customer does not have a payment method with the ID {method_id}. The payment method must "
            "be attached to the customer.",
            code="resource_missing",
            param="invoice_settings[default_payment_method]",
        )


def _list_methods(world: World, tree: dict[str, Any], customer_id: str) -> Thing:
    """Both addresses of the list: `/v1/payment_methods?customer=` and the customer's own."""
    spec = {
        **PAGING,
        "customer": "str",
        "type": METHOD_TYPES,
        "allow_redisplay": ("always", "limited", "unspecified"),
        "customer_account": NOT_SIMULATED,
    }
    given = read(tree, spec)
    owner = customer_id or given.get("customer")
    if owner is None:
        raise Refusal("Missing required param: customer.", code="parameter_missing", param="customer")
    world.find("customer", owner, param="customer")

    def matches(method: Thing) -> bool:
        return all(given.get(name) in (None, method[name]) for name in ("type", "allow_redisplay"))

    among = world.store.where("payment_method", "customer", owner)
    return page(world, "payment_method", given, url="/v1/payment_methods", matches=matches, among=among)


def _attach(world: World, tree: dict[str, Any], method_id: str) -> Thing:
    given = read(tree, {"customer": "str", "customer_account": NOT_SIMULATED, "expand": ["str"]})
    method = world.find("payment_method", method_id, param="payment_method")
    if given.get("customer") is None:
        raise Refusal("Missing required param: customer.", code="parameter_missing", param="customer")
    world.find("customer", given["customer"], param="customer")
    if method["customer"] not in (None, given["customer"]):
        raise Refusal(
            "The payment method you provided has already been attached to a customer.", param="payment_method"
        )
    return expanded(world, billing.attach(world, method, given["customer"]), given.get("expand") or [])


def _detach(world: World, tree: dict[str, Any], method_id: str) -> Thing:
    given = read(tree, {"expand": ["str"]})
    method = world.find("payment_method", method_id, param="payment_method")
    if method["customer"] is None:
        raise Refusal(
            "The payment method you provided is not attached to a customer so detachment is impossible.",
            param="payment_method",
        )
    previous = {"customer": method["customer"]}
    customer = world.find("customer", method["customer"])
    if customer["invoice_settings"]["default_payment_method"] == method_id:
        customer["invoice_settings"] = {**customer["invoice_settings"], "default_payment_method": None}
        world.store.save("customer", customer)
    for subscription in world.store.where("subscription", "customer", customer["id"]):
        if subscription["default_payment_method"] == method_id:
            subscription["default_payment_method"] = None
            world.store.save("subscription", subscription)
    method["customer"] = None
    world.store.save("payment_method", method)
    emit(world, "payment_method.detached", method, previous=previous)
    return expanded(world, method, given.get("expand") or [])


def _delete_customer(world: World, tree: dict[str, Any], customer_id: str) -> Thing:
    """Gone for good: no list and no deed finds it, and what it subscribed to ends at once. Stripe still
    answers its bare id, and payments keep it."""
    read(tree, {})
    customer = world.find("customer", customer_id, param="id")
    for subscription in world.store.where("subscription", "customer", customer_id):
        if not subscriptions.is_over(subscription):
            subscriptions.end(world, subscription, reason="cancellation_requested")
    gone = {"id": customer_id, "object": "customer", "deleted": True}
    world.store.forget("customer", customer_id)
    world.store.save("deleted_customer", gone)
    emit(world, "customer.deleted", customer)
    return gone


def _retrieve_customer(world: World, tree: dict[str, Any], customer_id: str) -> Thing:
    gone = world.store.get("deleted_customer", customer_id)
    return gone if gone is not None else retrieve("customer", param="id")(world, tree, customer_id)


ROUTES = (
    route("POST", "/v1/customers", create(create_customer)),
    route(
        "GET",
        "/v1/customers",
        list_of("customer", "/v1/customers", ("email", "test_clock"), ("email",)),
    ),
    route("GET", "/v1/customers/{id}", _retrieve_customer),
    route("DELETE", "/v1/customers/{id}", _delete_customer),
    route("POST", "/v1/customers/{id}", _update_customer),
    route("GET", "/v1/customers/{id}/payment_methods", _list_methods),
    route("GET", "/v1/payment_methods", _list_methods),
    route("GET", "/v1/payment_methods/{id}", retrieve("payment_method", param="payment_method")),
    route("POST", "/v1/payment_methods/{id}/attach", _attach),
    route("POST", "/v1/payment_methods/{id}/detach", _detach),
)
