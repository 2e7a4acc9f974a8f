"""What a charge must have come to in the book, told without the rules: by what Stripe did to it."""

from collections import Counter
from dataclasses import dataclass, field

from payments.money import split
from tests.money_moves.small_stripe import Thing


@dataclass(slots=True)
class Told:
    """What the model remembers of one charge."""

    charge: Thing
    settled: int
    lines: list[tuple[str, int]]
    """Account and fund as the balances name them, and the weight."""
    is_ours: bool
    refunds: list[tuple[Thing, int]] = field(default_factory=list)
    """With the second in which it was paid out."""
    failures: dict[str, int] = field(default_factory=dict)
    """When a refund came back, by its id."""
    disputes: list[tuple[Thing, int, int]] = field(default_factory=list)
    """With the second in which it began, and what it took, settled."""
    returned_at: int | None = None

    @property
    def given(self) -> int:
        return int(self.charge["amount"])

    @property
    def open_dispute(self) -> tuple[Thing, int, int] | None:
        return next((entry for entry in self.disputes if entry[0]["status"] == "needs_response"), None)

    @property
    def refundable(self) -> int:
        """Stripe refunds what is left after refunds that did not fail and disputes that were not won."""
        gone = sum(r["amount"] for r, _ in self.refunds if r["status"] == "succeeded")
        gone += sum(d["amount"] for d, _, _ in self.disputes if d["status"] == "lost")
        is_locked = self.open_dispute is not None or self.returned_at is not None
        return 0 if is_locked else max(0, self.given - gone)

    def worth(self, amount: int) -> int:
        """Of the gift's own currency, in the settlement currency: half up."""
        return int((2 * self.settled * amount + self.given) // (2 * self.given))

    def stands(self) -> tuple[int, int, int, int]:
        """How much was taken out of the gift by refunds and by disputes, is owed, went beyond it."""
        steps: list[tuple[int, int, str]] = []
        for refund, paid_at in self.refunds:
            failed_at = self.failures.get(refund["id"])
            if failed_at is not None and (refund["status"] == "canceled" or not self.is_ours):
                continue
            steps.append((paid_at, refund["amount"], "refund"))
            if failed_at is not None:
                steps.append((failed_at, -refund["amount"], "failure"))
        for dispute, began_at, _ in self.disputes:
            if dispute["status"] == "lost":
                steps.append((began_at, dispute["amount"], "lost"))
        if self.returned_at is not None:
            steps.append((self.returned_at, self.given, "returned"))
        with_donor, highest, lost = 0, 0, 0
        for _, amount, kind in sorted(steps):
            with_donor += amount
            reached = max(highest, min(with_donor, self.given))
            lost += (reached - highest) if kind == "lost" else 0
            highest = reached
        return highest - lost, lost, max(0, highest - with_donor), max(0, with_donor - self.given)

    def expects(self, book: Counter[str]) -> None:
        """Add what must stand in each account because of this charge; FX is left over."""
        refunded, lost, owed, beyond = self.stands()
        weights = [weight for _, weight in self.lines]
        whole = refunded + lost
        given = split(self.settled, weights)
        by_refunds, by_all = (split(self.worth(part), weights) for part in (refunded, whole))
        for (name, _), came, back, everything in zip(self.lines, given, by_refunds, by_all, strict=True):
            if name.startswith(("agency", "benefits", "other")):
                book[f"usd {name}"] += everything - came
                continue
            fund = "" if name == "contributions_fee_cover" else f":{name}"
            book[f"usd {name}" if not fund else f"usd contributions{fund}"] -= came
            book[f"usd contribution_refunds{fund}"] += back
            book[f"usd chargebacks{fund}"] += everything - back
        book["usd refunds_payable"] -= self.worth(whole) - self.worth(whole - owed)
        further = "usd chargebacks" if self.is_ours else "usd other_receipts"
        book[further] += self.worth(self.given + beyond) - self.settled
        if self.open_dispute is not None:
            book["usd disputed_funds"] += self.open_dispute[2]
