"""Stripe's reports as the CSV files that its dashboard and its reporting API hand out.

`csv_of` writes one from the world's own balance transactions. Amounts are decimals of major units, an
interval is `[start, end)` in whole seconds, and a report about payouts follows their effective day. The
donor's name and address stand in it as they would at Stripe: whoever reads it has to leave them out.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from payments.sandbox.currencies import CURRENCIES
from payments.sandbox.errors import Refusal, missing_parameter
from payments.sandbox.store import Thing
from payments.sandbox.world import World

Cells = dict[str, str]

_CORE = (
    *("automatic_payout_id", "automatic_payout_effective_at", "balance_transaction_id", "created_utc"),
    *("created", "available_on", "currency", "gross", "fee", "net", "reporting_category", "source_id"),
    *("description", "charge_id", "payment_intent_id", "customer_id", "customer_name", "customer_email"),
)
_COLUMNS = {
    "payout_reconciliation.itemized": _CORE,
    "payout_reconciliation.by_id.itemized": _CORE,
    "balance_change_from_activity.itemized": _CORE,
    "ending_balance_reconciliation.itemized": _CORE,
    "balance.summary": ("category", "description", "net_amount", "currency"),
}
_PAYOUTS = ("payout", "payout_reversal")


def csv_of(world: World, report_type: str, parameters: dict[str, Any]) -> str:
    """The file. `parameters` as Stripe names them: interval_start, interval_end, timezone, currency, payout,
    columns, decimal_separator."""
    name, columns = _known(report_type)
    wanted = list(parameters.get("columns") or columns)
    strange = [
        column
        for column in wanted
        if column not in columns and not re.fullmatch(r"payment_metadata\[.+]", column)
    ]
    if strange:
        raise Refusal(f"Unsupported column: {', '.join(strange)}", param="parameters[columns]")
    report = _Report(world, parameters)
    cells = report.summary() if name == "balance.summary" else report.movements(name)
    file = io.StringIO()
    sheet = csv.DictWriter(file, wanted, extrasaction="ignore", restval="", lineterminator="\n")
    sheet.writeheader()
    sheet.writerows(cells)
    return file.getvalue()


def _known(report_type: str) -> tuple[str, tuple[str, ...]]:
    name = re.sub(r"\.\d+$", "", report_type)
    if name not in _COLUMNS:
        raise Refusal(
            f"Unknown report type: {report_type}. Known: {', '.join(_COLUMNS)}, each with a version, such as"
            " .1, behind it.",
            param="report_type",
        )
    return name, _COLUMNS[name]


class _Report:
    """One report's view of the world."""

    def __init__(self, world: World, parameters: dict[str, Any]) -> None:
        self._world = world
        self._payout = parameters.get("payout")
        self._starts = _seconds(parameters, "interval_start", needed=self._payout is None)
        self._ends = _seconds(parameters, "interval_end", needed=self._payout is None)
        self._currency = parameters.get("currency")
        self._point = {None: ".", "point": ".", "comma": ","}.get(parameters.get("decimal_separator"), "")
        if not self._point:
            raise Refusal("Must be one of point or comma", param="parameters[decimal_separator]")
        try:
            self._zone = ZoneInfo(str(parameters.get("timezone") or "Etc/UTC"))
        except (ZoneInfoNotFoundError, ValueError):
            raise Refusal("Invalid timezone", param="parameters[timezone]") from None

    def movements(self, name: str) -> Iterator[Cells]:
        for transaction in sorted(self._all(), key=lambda each: (each["created"], each["id"])):
            if self._is_in(name, transaction):
                yield self._cells(transaction)

    def summary(self) -> Iterator[Cells]:
        currencies = sorted({transaction["currency"] for transaction in self._all()})
        for currency in currencies:
            ours = [each for each in self._all() if each["currency"] == currency]
            before = sum(each["net"] for each in ours if self._counts_from(each) < self._starts)
            during = [each for each in ours if self._starts <= self._counts_from(each) < self._ends]
            activity = sum(each["net"] for each in during if each["reporting_category"] not in _PAYOUTS)
            paid_out = sum(each["net"] for each in during if each["reporting_category"] in _PAYOUTS)
            for category, description, amount in (
                ("starting_balance", "Starting balance", before),
                ("activity", "Balance change from activity", activity),
                ("payouts", "Less: payouts", paid_out),
                ("ending_balance", "Ending balance", before + activity + paid_out),
            ):
                yield {
                    "category": category,
                    "description": description,
                    "net_amount": self._major(amount, currency),
                    "currency": currency,
                }

    def _all(self) -> list[Thing]:
        return [
            each
            for each in self._world.store.all("balance_transaction")
            if self._currency in (None, each["currency"])
        ]

    def _is_in(self, name: str, transaction: Thing) -> bool:
        payout = self._payout_of(transaction)
        if name == "payout_reconciliation.by_id.itemized":
            return payout is not None and payout["id"] == self._payout
        if name == "payout_reconciliation.itemized":
            return payout is not None and self._starts <= payout["arrival_date"] < self._ends
        if name == "ending_balance_reconciliation.itemized":
            left = payout["arrival_date"] if payout is not None else self._ends
            return self._counts_from(transaction) < self._ends <= left
        is_payout = transaction["reporting_category"] in _PAYOUTS
        return not is_payout and self._starts <= transaction["created"] < self._ends

    def _payout_of(self, transaction: Thing) -> Thing | None:
        """The automatic payout that carries it."""
        noted = self._world.store.get("paid_out", transaction["id"])
        return self._world.find("payout", noted["payout"]) if noted is not None else None

    def _counts_from(self, transaction: Thing) -> int:
        """An automatic payout leaves the reported balance on its effective day; a failed one comes back no
        sooner."""
        source = self._world.store.get("payout", transaction["source"] or "")
        created = int(transaction["created"])
        return max(created, int(source["arrival_date"])) if source and source["automatic"] else created

    def _cells(self, transaction: Thing) -> Cells:
        payout = self._payout_of(transaction)
        charge = self._charge_of(transaction)
        billing = (charge or {}).get("billing_details") or {}
        amounts = {
            name: self._major(transaction[of], transaction["currency"])
            for name, of in (("gross", "amount"), ("fee", "fee"), ("net", "net"))
        }
        return {
            "automatic_payout_id": payout["id"] if payout else "",
            "automatic_payout_effective_at": self._local(payout["arrival_date"]) if payout else "",
            "balance_transaction_id": transaction["id"],
            "created_utc": f"{datetime.fromtimestamp(transaction['created'], UTC):%Y-%m-%d %H:%M:%S}",
            "created": self._local(transaction["created"]),
            "available_on": self._local(transaction["available_on"]),
            "currency": transaction["currency"],
            **amounts,
            "reporting_category": transaction["reporting_category"],
            "source_id": transaction["source"] or "",
            "description": transaction["description"] or "",
            "charge_id": charge["id"] if charge else "",
            "payment_intent_id": (charge["payment_intent"] or "") if charge else "",
            "customer_id": (charge["customer"] or "") if charge else "",
            "customer_name": billing.get("name") or "",
            "customer_email": billing.get("email") or "",
            **{
                f"payment_metadata[{key}]": value for key, value in (charge or {}).get("metadata", {}).items()
            },
        }

    def _charge_of(self, transaction: Thing) -> Thing | None:
        source = str(transaction["source"] or "")
        about = next(
            (found for kind in ("refund", "dispute") if (found := self._world.store.get(kind, source))), None
        )
        return self._world.store.get("charge", str(about["charge"]) if about else source)

    def _local(self, seconds: int) -> str:
        return f"{datetime.fromtimestamp(seconds, self._zone):%Y-%m-%d %H:%M:%S}"

    def _major(self, amount: int, currency: str) -> str:
        decimals = CURRENCIES[currency].decimals
        return f"{Decimal(amount).scaleb(-decimals):.{decimals}f}".replace(".", self._point)


def _seconds(parameters: dict[str, Any], name: str, *, needed: bool) -> int:
    value = parameters.get(name)
    if value is None:
        if needed:
            raise missing_parameter(f"parameters[{name}]")
        return 0
    try:
        return int(value)
    except (TypeError, ValueError):
        raise Refusal(
            "Invalid integer", code="parameter_invalid_integer", param=f"parameters[{name}]"
        ) from None
