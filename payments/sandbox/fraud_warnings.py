"""Early fraud warnings: a card network suspects a charge, before anybody has disputed it."""

from __future__ import annotations

from payments.sandbox import money_shapes
from payments.sandbox.errors import Refusal
from payments.sandbox.events import emit
from payments.sandbox.store import Thing
from payments.sandbox.world import World

_KIND = "radar.early_fraud_warning"
FRAUD_TYPES = (
    "card_never_received",
    "fraudulent_card_application",
    "made_with_counterfeit_card",
    "made_with_lost_card",
    "made_with_stolen_card",
    "misc",
    "unauthorized_use_of_card",
)


def warn(world: World, charge: Thing, *, fraud_type: str) -> Thing:
    if fraud_type not in FRAUD_TYPES:
        raise Refusal(f"Unknown: {fraud_type}. Known: {', '.join(FRAUD_TYPES)}", param="fraud_type")
    if charge["status"] != "succeeded" or charge["payment_method_details"]["type"] != "card":
        raise Refusal("Only a card payment that succeeded is warned of.", param="id")
    actionable = not (charge["refunded"] or charge["disputed"])
    warning = money_shapes.early_fraud_warning(world, charge, fraud_type=fraud_type, actionable=actionable)
    world.store.save(_KIND, warning)
    emit(world, "radar.early_fraud_warning.created", warning)
    return warning


def note(world: World, charge: Thing) -> None:
    """Nothing is left to do about a charge that was refunded in full or disputed."""
    if not (charge["refunded"] or charge["disputed"]):
        return
    for warning in world.store.where(_KIND, "charge", charge["id"]):
        if warning["actionable"]:
            warning["actionable"] = False
            world.store.save(_KIND, warning)
            emit(world, "radar.early_fraud_warning.updated", warning, previous={"actionable": True})
