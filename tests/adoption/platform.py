"""Another platform on the charity's Stripe account: what it did there, and the house that takes it over."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import text

from payments.database import transaction
from payments.verify.checks import CHECKS
from payments.verify.run import breaches, snapshot
from payments.webhooks.rebuild import rebuild
from tests.cli.conftest import Almoner, Said
from tests.journeys.house import House

OURS = {"platform": "oldgive"}


@dataclass
class Platform:
    """The account, and a terminal of the house beside it."""

    house: House
    almoner: Almoner
    rules: Path
    plans: dict[str, dict[str, Any]] = field(default_factory=dict)
    charges: dict[str, str] = field(default_factory=dict)

    def begins(self, months_ago: int) -> datetime:
        """The account's history begins so long ago, and an hour: what is adopted ends with the last whole
        second, and this second's gifts would be the sweep's."""
        began = datetime.now(UTC).replace(microsecond=0) - timedelta(days=30 * months_ago, hours=1)
        self.house.stripe.tell("start_at", at=int(began.timestamp()))
        return began

    def passes(self, days: int) -> None:
        """Time passes at Stripe, and everything gets its balance transaction."""
        self.house.stripe.tell("advance", days=days, deliver=False)
        self.house.stripe_settles()

    def catches_up(self) -> None:
        """Time passes at Stripe until today."""
        days = int((datetime.now(UTC).timestamp() - self.house.stripe.ask("state")["now"]) // 86_400) + 1
        self.passes(days)

    def begins_plan(self, name: str, amount: int, /, **about: Any) -> dict[str, Any]:
        """Somebody promises a gift each month."""
        given = {"email": f"{name}@example.com", "name": name.title(), "metadata": OURS, **about}
        plan = self.house.stripe.tell("foreign_plan", amount=amount, **given)
        self.house.stripe_settles()
        self.plans[name] = dict(plan)
        return dict(plan)

    def is_given(self, name: str, amount: int, /, **about: Any) -> str:
        """Somebody gives once, or buys something."""
        given = {"email": f"{name}@example.com", "name": name.title(), "metadata": OURS, **about}
        charge = self.house.stripe.tell("foreign_charge", amount=amount, settle=True, **given)
        self.charges[f"{name} {amount}"] = str(charge["id"])
        return str(charge["id"])

    def pays_out(self) -> str:
        """What is there goes to the bank."""
        made = self.house.stripe.tell("payouts", currency="usd", all=True, paid=True)
        return str(made["id"])

    def lives(self, months: int) -> None:
        """Month after month with three plans, gifts, a shop, refunds, a dispute and payouts."""
        stripe = self.house.stripe
        self.begins_plan("ada", 1500)
        self.begins_plan("ben", 2500, metadata={"appeal": "winter"})
        product = self.begins_plan("cho", 5000, metadata={})["items"]["data"][0]["price"]["product"]
        self.write_rules(product)
        for month in range(months):
            self.is_given("dora", 3000 + 100 * month, metadata={"appeal": ("winter", "always")[month % 2]})
            self.is_given("shop", 1800, description="Mug with a cat", metadata={})
            if month % 4 == 1:
                refunded = self.is_given("emil", 10_000 + month)
                stripe.tell(f"charges/{refunded}/refund", amount=4000)
            self.passes(16)
            if month == months - 3:
                failed = self.pays_out()
                stripe.tell(f"payouts/{failed}/fail", code="account_closed")
            self.pays_out()
            self.passes(14)
        disputed = self.is_given("finn", 8000)
        dispute = stripe.tell(f"charges/{disputed}/dispute", amount=8000)["id"]
        stripe.tell(f"disputes/{dispute}/close", outcome="lost")
        stripe.tell("movements", kind="stripe_fee", amount=750)
        self.is_given("nobody", 700, email=None, name="")
        self.is_given("gala", 6000, metadata={"appeal": "unheard of"}, description="Gala")
        self.is_given("hana", 4200, metadata={}, description="Ticket")
        self.house.stripe_settles()

    def write_rules(self, product: str) -> None:
        """Which of it is a gift."""
        from tests.adoption.conftest import RULES

        self.rules.write_text(RULES.replace("PRODUCT", product))

    def words(self, since: datetime, *more: str) -> tuple[str, ...]:
        """What Finn types: the day as it was where the books are kept."""
        day = since.astimezone(ZoneInfo("America/Los_Angeles")).date()
        return (
            *("adopt", "--since", f"{day}", "--rules", str(self.rules)),
            *("--default-fund", "general", "--as", "finn@example.org", "--json", *more),
        )

    def is_adopted(self, since: datetime, *more: str) -> dict[str, Any]:
        """Finn adopts the account."""
        said: Said = self.almoner(*self.words(since, *more))
        if said.error is not None:
            raise said.error
        return dict(said.json)

    def asked(self) -> dict[str, int]:
        """How often Stripe's API was asked, by method."""
        return dict(self.house.stripe.ask("state")["asked"])

    def everything_is_proven(self) -> list[str]:
        """What `almoner ledger verify` and `almoner ledger rebuild` find."""
        with snapshot() as connection:
            found = [
                f"{finding.kind}: {finding.sentence}"
                for check in CHECKS
                for finding in breaches(connection, check)
            ]
        return [*found, *(difference.sentence for difference in rebuild().differences)]

    def counts(self) -> dict[str, int]:
        """How much there is of everything."""
        tables = (
            "donors",
            "donations",
            "monthly_gifts",
            "monthly_invoices",
            "charges",
            "refunds",
            "disputes",
        )
        more = ("payouts", "payout_lines", "balance_transactions", "journal_entries", "stripe_events")
        with transaction() as session:
            return {
                table: int(session.execute(text(f"select count(*) from {table}")).scalar_one())  # noqa: S608
                for table in (*tables, *more)
            }
