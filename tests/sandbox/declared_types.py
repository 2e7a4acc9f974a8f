"""What the library's typed classes declare, read from its source: every key, and whether it may be null.

The classes cannot be asked at run time (their imports are for type checkers only), so the source is parsed.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import stripe

_SOURCE = Path(stripe.__file__).parent


@dataclass(frozen=True)
class Field:
    optional: bool
    annotation: str


@dataclass(frozen=True)
class Declared:
    """One class of the library: its fields, and the classes declared inside it."""

    fields: dict[str, Field]
    inner: dict[str, Declared]

    def inside(self, name: str) -> Declared | None:
        """The inner class that a field carries, if it carries one."""
        words = ast.parse(self.fields[name].annotation, mode="eval")
        for word in ast.walk(words):
            if isinstance(word, ast.Name) and word.id in self.inner:
                return self.inner[word.id]
        return None


@cache
def declared(module: str, name: str) -> Declared:
    tree = ast.parse((_SOURCE / module).read_text())
    found = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name)
    return _read(found)


def _read(cls: ast.ClassDef) -> Declared:
    fields: dict[str, Field] = {}
    for node in cls.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            annotation = ast.unparse(node.annotation)
            if not annotation.startswith("ClassVar"):
                fields[node.target.id] = Field(annotation.startswith("Optional["), annotation)
    inner = {node.name: _read(node) for node in cls.body if isinstance(node, ast.ClassDef)}
    return Declared(fields, inner)


# Where each `object` is declared.
OBJECTS = {
    "checkout.session": ("checkout/_session.py", "Session"),
    "payment_intent": ("_payment_intent.py", "PaymentIntent"),
    "charge": ("_charge.py", "Charge"),
    "balance_transaction": ("_balance_transaction.py", "BalanceTransaction"),
    "balance": ("_balance.py", "Balance"),
    "customer": ("_customer.py", "Customer"),
    "event": ("_event.py", "Event"),
    "payment_method": ("_payment_method.py", "PaymentMethod"),
    "webhook_endpoint": ("_webhook_endpoint.py", "WebhookEndpoint"),
    "item": ("_line_item.py", "LineItem"),
    "price": ("_price.py", "Price"),
    "account": ("_account.py", "Account"),
    "refund": ("_refund.py", "Refund"),
    "dispute": ("_dispute.py", "Dispute"),
    "radar.early_fraud_warning": ("radar/_early_fraud_warning.py", "EarlyFraudWarning"),
    "payout": ("_payout.py", "Payout"),
    "topup": ("_topup.py", "Topup"),
    "product": ("_product.py", "Product"),
    "plan": ("_plan.py", "Plan"),
    "subscription": ("_subscription.py", "Subscription"),
    "subscription_item": ("_subscription_item.py", "SubscriptionItem"),
    "invoice": ("_invoice.py", "Invoice"),
    "line_item": ("_invoice_line_item.py", "InvoiceLineItem"),
    "invoice_payment": ("_invoice_payment.py", "InvoicePayment"),
    "billing_portal.session": ("billing_portal/_session.py", "Session"),
}
