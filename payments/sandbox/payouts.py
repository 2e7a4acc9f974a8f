"""Payouts: what is in the balance goes to the bank, arrives, comes back, and leaves again.

An automatic payout says which transactions it carries, and its own is among them, so that the list sums to
nothing. When it fails, its money is one new transaction that the next payout carries: the gifts stay listed
under the one that failed. Manual and instant payouts carry an amount and nobody can say of what.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from payments.sandbox import balance, bank_statement, money_shapes
from payments.sandbox.currencies import CURRENCIES
from payments.sandbox.errors import Refusal
from payments.sandbox.events import emit
from payments.sandbox.forms import NOT_SIMULATED, read, require
from payments.sandbox.store import Thing
from payments.sandbox.world import World

CREATE: dict[str, Any] = {
    "amount": "int",
    "currency": "str",
    "description": "str",
    "destination": NOT_SIMULATED,
    "expand": ["str"],
    "metadata": "map",
    "method": ("instant", "standard"),
    "payout_method": NOT_SIMULATED,
    "source_type": NOT_SIMULATED,
    "statement_descriptor": "str",
}
_FAILURES = {
    "account_closed": "The bank account has been closed",
    "account_frozen": "The bank account has been frozen",
    "bank_account_restricted": "The bank account has restrictions on the type or number of payouts allowed",
    "could_not_process": "The bank could not process this payout",
    "declined": "The bank has declined this payout",
    "incorrect_account_holder_name": "The bank account's holder is not the one given",
    "insufficient_funds": "The bank account has insufficient funds for this debit",
    "invalid_account_number": "The routing number is right, but the account number is not",
    "no_account": "The bank account could not be found",
}
_A_DAY = 24 * 3600
_INSTANT_ARRIVES = 30 * 60
_INSTANT_LEAST = 50


def create(world: World, tree: dict[str, Any]) -> Thing:
    """`POST /v1/payouts`: a manual one."""
    given = read(tree, CREATE)
    payout = pay_out_by_hand(
        world,
        currency=require(given, "currency"),
        amount=require(given, "amount"),
        method=given.get("method", "standard"),
        descriptor=given.get("statement_descriptor"),
    )
    payout.update(metadata=given.get("metadata") or {}, description=given.get("description"))
    world.store.save("payout", payout)
    return payout


def pay_out(
    world: World,
    *,
    currency: str,
    everything: bool = False,
    reconciled: bool = True,
    descriptor: str | None = None,
    only: list[Thing] | None = None,
) -> Thing:
    """An automatic payout of what is available and in no payout yet; below nothing, the bank is debited."""
    if everything:
        _make_all_available(world, currency)
    carried = _carried(world, currency) if only is None else only
    amount = sum(transaction["net"] for transaction in carried)
    if amount == 0:
        raise Refusal(f"There is nothing to pay out in {currency}.", param="currency")
    payout = _made(world, amount=amount, currency=currency, automatic=True, descriptor=descriptor)
    own = world.find("balance_transaction", payout["balance_transaction"])
    for transaction in [*carried, own]:
        world.store.save("paid_out", {"id": transaction["id"], "payout": payout["id"]})
    emit(world, "payout.created", payout)
    if reconciled:
        reconcile(world, payout)
    return payout


def on_schedule(world: World, currency: str) -> None:
    """A day of the payout schedule: what is available leaves, and the next day is noted."""
    if world.billing.payout_days is None:
        return
    world.due("schedule_payouts", currency, world.moment() + world.billing.payout_days * _A_DAY)
    if sum(transaction["net"] for transaction in _carried(world, currency)) != 0:
        pay_out(world, currency=currency)


def _make_all_available(world: World, currency: str) -> None:
    for transaction in world.store.all("balance_transaction"):
        if transaction["currency"] == currency and transaction["status"] == "pending":
            world.store.forget("due", f"make_available:{transaction['id']}")
            balance.make_available(world, transaction)


def _carried(world: World, currency: str) -> list[Thing]:
    return [
        transaction
        for transaction in world.store.all("balance_transaction")
        if transaction["currency"] == currency
        and transaction["status"] == "available"
        and world.store.get("paid_out", transaction["id"]) is None
    ]


def _made(
    world: World,
    *,
    amount: int,
    currency: str,
    automatic: bool,
    method: str = "standard",
    fee: int = 0,
    descriptor: str | None = None,
    original: str | None = None,
) -> Thing:
    """The payout and its own transaction."""
    payout = money_shapes.payout(
        world,
        amount=amount,
        currency=currency,
        destination=_bank_account(world, currency),
        arrival_date=_arrival(world, method),
        automatic=automatic,
        method=method,
    )
    transaction = balance.move(
        world,
        type_="payout",
        category="payout",
        amount=-amount,
        currency=currency,
        source=payout["id"],
        description="STRIPE PAYOUT",
        fees=[balance.fee(fee, currency, "Instant payout fee")] if fee else [],
    )
    payout.update(
        balance_transaction=transaction["id"], statement_descriptor=descriptor, original_payout=original
    )
    world.store.save("payout", payout)
    world.due("pay_payout", payout["id"], float(payout["arrival_date"]))
    return payout


def _bank_account(world: World, currency: str) -> str:
    """The charity's bank account for a currency: one and the same for all its payouts."""
    known = world.store.get("bank", currency)
    if known is None:
        known = {"id": currency, "bank_account": world.new_id("ba")}
        world.store.save("bank", known)
    return str(known["bank_account"])


def _arrival(world: World, method: str) -> int:
    """Midnight in two working days; half an hour for an instant one."""
    if method == "instant":
        return world.now() + _INSTANT_ARRIVES
    day = datetime.fromtimestamp(world.now(), UTC).replace(hour=0, minute=0, second=0)
    left = 2
    while left:
        day += timedelta(days=1)
        left -= day.weekday() < 5
    return int(day.timestamp())


def pay_out_by_hand(
    world: World,
    *,
    currency: str,
    amount: int | None = None,
    method: str = "standard",
    fee: int | None = None,
    descriptor: str | None = None,
) -> Thing:
    """A manual payout; an instant one costs one percent."""
    if currency not in CURRENCIES:
        raise Refusal(f"Invalid currency: {currency}", param="currency")
    there = balance.available(world, currency)
    amount = there if amount is None else amount
    if amount < 1:
        raise Refusal("Invalid positive integer", code="parameter_invalid_integer", param="amount")
    if fee is None:
        fee = max(amount // 100, _INSTANT_LEAST) if method == "instant" else 0
    if amount + fee > there:
        raise Refusal(
            "You have insufficient funds in your Stripe account for this payout. Your available balance may "
            "already be on its way to the bank.",
            code="balance_insufficient",
        )
    payout = _made(
        world,
        amount=amount,
        currency=currency,
        automatic=False,
        method=method,
        fee=fee,
        descriptor=descriptor,
    )
    emit(world, "payout.created", payout)
    return payout


def reconcile(world: World, payout: Thing) -> Thing:
    """From now on the list of what it carries is complete."""
    if payout["reconciliation_status"] != "in_progress":
        raise Refusal(f"The reconciliation is {payout['reconciliation_status']}.", param="id")
    payout["reconciliation_status"] = "completed"
    _changed(world, payout, {"reconciliation_status": "in_progress"})
    emit(world, "payout.reconciliation_completed", payout)
    return payout


def carried_by(world: World, payout_id: str) -> list[Thing]:
    """What `balance_transactions?payout=` lists, oldest first: before it is reconciled, only its own."""
    payout = world.find("payout", payout_id, param="payout")
    if not payout["automatic"]:
        raise Refusal(
            "Balance transaction history can only be filtered on automatic transfers, not manual.",
            param="payout",
        )
    own = world.find("balance_transaction", payout["balance_transaction"])
    if payout["reconciliation_status"] != "completed":
        return [own]
    return [
        world.find("balance_transaction", noted["id"])
        for noted in world.store.where("paid_out", "payout", payout_id)
    ]


def arrive(world: World, payout: Thing) -> Thing:
    """It stands on the bank's statement, with the bank's reference."""
    if payout["status"] not in ("pending", "in_transit"):
        raise Refusal(f"The payout is {payout['status']}.", param="id")
    world.store.forget("due", f"pay_payout:{payout['id']}")
    payout["status"] = "paid"
    world.store.save("payout", payout)
    bank_statement.note(world, payout, payout["amount"], what="", at=payout["arrival_date"])
    emit(world, "payout.paid", payout)
    trace: Thing = {"status": "unsupported", "value": None}
    if payout["method"] == "standard":
        trace = {"status": "supported", "value": f"{int(payout['id'][-8:].encode().hex(), 16) % 10**15:015d}"}
    previous = {"trace_id": payout["trace_id"]}
    payout["trace_id"] = trace
    _changed(world, payout, previous)
    return payout


def fail(world: World, payout: Thing, *, code: str = "account_closed") -> Thing:
    """The bank sends it back, also after it had seemed paid."""
    if code not in _FAILURES:
        raise Refusal(f"Unknown: {code}. Known: {', '.join(_FAILURES)}", param="code")
    if payout["status"] in ("failed", "canceled"):
        raise Refusal(f"The payout is {payout['status']} already.", param="id")
    if payout["status"] == "paid":
        day = max(world.now(), payout["arrival_date"])
        bank_statement.note(world, payout, -payout["amount"], what="RETURN", at=day)
    previous = _come_back(world, payout, status="failed", type_="payout_failure")
    payout.update(failure_code=code, failure_message=_FAILURES[code])
    world.store.save("payout", payout)
    emit(world, "payout.failed", payout)
    _changed(world, payout, {**previous, "failure_code": None, "failure_message": None})
    return payout


def cancel(world: World, payout: Thing) -> Thing:
    if payout["automatic"] or payout["status"] != "pending":
        raise Refusal(
            "Payouts can only be canceled while they are pending, and automatic ones not at all.",
            param="payout",
        )
    previous = _come_back(world, payout, status="canceled", type_="payout_cancel")
    world.store.save("payout", payout)
    emit(world, "payout.canceled", payout)
    _changed(world, payout, previous)
    return payout


def _come_back(world: World, payout: Thing, *, status: str, type_: str) -> Thing:
    world.store.forget("due", f"pay_payout:{payout['id']}")
    transaction = balance.move(
        world,
        type_=type_,
        category="payout_reversal",
        amount=payout["amount"],
        currency=payout["currency"],
        source=payout["id"],
        description="STRIPE PAYOUT FAILURE" if status == "failed" else "STRIPE PAYOUT CANCEL",
    )
    previous = {"status": payout["status"], "failure_balance_transaction": None}
    trace = {**payout["trace_id"]}
    if trace["status"] == "pending":
        trace["status"] = "unsupported"
    payout.update(status=status, failure_balance_transaction=transaction["id"], trace_id=trace)
    return previous


def retry(world: World, payout: Thing) -> Thing:
    """A new payout that carries nothing but the money of the failed one."""
    returned = payout["failure_balance_transaction"]
    if payout["status"] != "failed" or world.store.get("paid_out", returned) is not None:
        raise Refusal("Only a payout that failed, and whose money is still here, can be retried.", param="id")
    return pay_out(
        world,
        currency=payout["currency"],
        descriptor=payout["statement_descriptor"],
        only=[world.find("balance_transaction", returned)],
    )


def reverse(world: World, payout: Thing) -> Thing:
    """A paid payout is taken back from the bank by a negative one; both name each other."""
    if payout["status"] != "paid" or payout["original_payout"] or payout["reversed_by"]:
        raise Refusal("Only a payout that was paid, and not reversed yet, can be reversed.", param="payout")
    back = _made(
        world,
        amount=-payout["amount"],
        currency=payout["currency"],
        automatic=False,
        original=payout["id"],
    )
    emit(world, "payout.created", back)
    payout["reversed_by"] = back["id"]
    _changed(world, payout, {"reversed_by": None})
    return back


def _changed(world: World, payout: Thing, previous: Thing) -> None:
    world.store.save("payout", payout)
    emit(world, "payout.updated", payout, previous=previous)
