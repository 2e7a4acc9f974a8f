"""The whole house as a story sees it: what people do, and what they find afterwards.

The parts are real: our server, the sandbox Stripe, a mail server, PostgreSQL and the workers' own
functions. Only Celery is left out here, so that a story decides when the workers work.
"""

import io
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from html import unescape
from typing import Any
from uuid import uuid4

import pypdf
import requests
from sqlalchemy import select, text

from payments.database import transaction
from payments.donations.models import Donation
from payments.ledger.balances import balances, tie_out
from payments.receipts.models import Receipt
from payments.webhooks.models import QueuedEvent, StripeEvent
from tests.journeys.neighbours import PostOffice, Stripe, wait_until

VISA = "4242424242424242"
KOREAN_VISA = "4000004100000003"


@dataclass(frozen=True)
class Gift:
    """A gift as its giver holds it."""

    id: str
    page: str
    """Where Stripe waits for the donor."""

    @property
    def session(self) -> str:
        """The Checkout Session behind the page."""
        return self.page.rpartition("/")[2]


@dataclass
class House:
    """Our house with its two neighbours."""

    url: str
    stripe: Stripe
    post: PostOffice
    http: requests.Session = field(default_factory=requests.Session)

    # What donors do

    def gives(self, amount: int = 2500, currency: str = "usd", **choices: Any) -> Gift:
        """Somebody begins a gift through the API, and stands before Stripe's page."""
        answer = self.asks_to_give(amount, currency, **choices)
        assert answer.status_code == 201, answer.text
        return Gift(answer.json()["id"], answer.json()["checkout_url"])

    def asks_to_give(
        self, amount: int = 2500, currency: str = "usd", *, key: str = "", **choices: Any
    ) -> requests.Response:
        """The same, with whatever our API answers."""
        donor = {
            "name": choices.pop("name", "Ada Park"),
            "email": choices.pop("email", "ada@example.com"),
            "locale": choices.pop("locale", "en"),
        }
        if "allocations" not in choices:
            choices.setdefault("fund", "general")
        return requests.post(
            f"{self.url}/api/v1/donations",
            json={"amount": amount, "currency": currency, "donor": donor, **choices},
            headers={"Idempotency-Key": key or str(uuid4())},
            timeout=40,
        )

    def opens_the_donate_page(self) -> dict[str, str]:
        """A browser before the form; the value is what the form would send if filled in and sent."""
        page = self.http.get(f"{self.url}/donate", timeout=15)
        assert page.status_code == 200
        hidden = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page.text)
        return {name: unescape(value) for name, value in hidden} | {
            "currency": "usd",
            "amount_usd": "2500",
            "fund": "general",
            "name": "Ada Park",
            "email": "ada@example.com",
        }

    def presses_donate(self, form: Mapping[str, str]) -> str:
        """Where the browser is sent."""
        answer = requests.post(
            f"{self.url}/donate",
            data=dict(form),
            headers={"Sec-Fetch-Site": "same-origin"},
            allow_redirects=False,
            timeout=40,
        )
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]

    def pays(self, gift: Gift, card: str = VISA) -> dict[str, Any]:
        """The donor pays on Stripe's page; the outcome is Stripe's word for it."""
        return self.stripe.tell(f"checkout/sessions/{gift.session}/pay", card=card)

    def pays_from_the_bank(self, gift: Gift) -> None:
        """The donor chooses the method whose money is days away."""
        paid = self.stripe.tell(f"checkout/sessions/{gift.session}/pay", method="bank_debit")
        assert paid["outcome"] == "processing"

    def declines(self, gift: Gift, code: str = "insufficient_funds") -> None:
        """The donor's card is refused."""
        self.stripe.tell(f"checkout/sessions/{gift.session}/decline", code=code)

    def leaves(self, gift: Gift) -> None:
        """The donor closes the page, and its time runs out."""
        self.stripe.tell(f"checkout/sessions/{gift.session}/expire")

    # What banks, Stripe and networks do

    def the_bank_says_yes(self, gift: Gift) -> None:
        """Days later."""
        self.stripe.tell(f"checkout/sessions/{gift.session}/bank_debit/succeed")

    def the_bank_says_no(self, gift: Gift) -> None:
        """Days later."""
        self.stripe.tell(f"checkout/sessions/{gift.session}/bank_debit/fail")

    def stripe_settles(self) -> None:
        """Every charge gets its balance transaction."""
        self.stripe.tell("settle")

    def webhooks_are(self, mode: str = "delivered", **manners: Any) -> None:
        """`delivered`, `held`, `dropped`; and how, such as `duplicate=3` or `shuffle=True`."""
        modes = {"delivered": "deliver", "held": "hold", "dropped": "drop"}
        self.stripe.tell("webhooks", mode=modes[mode], **manners)

    def the_held_webhooks_come(self, **how: Any) -> None:
        """`shuffle=True` in any order, `twice=True` each of them two times."""
        self.stripe.tell("webhooks/flush", **how)

    def the_webhooks_arrive(self) -> None:
        """Whatever Stripe has to say has been said."""
        wait_until(self.stripe.is_silent)

    # What the workers do

    def the_workers_work(self) -> None:
        """Every row of the timetable comes round until there is nothing left to do."""
        self.the_webhooks_arrive()
        for _ in range(2):
            self.they_apply_events()
            self.they_pull_balance_transactions()
            self.they_apply_events()
            self.they_issue_and_send()

    def they_apply_events(self) -> None:
        from workers.webhooks import apply_events

        apply_events()

    def they_pull_balance_transactions(self) -> None:
        from workers.webhooks import pull_balance_transactions

        self.its_time_to_read_again()
        pull_balance_transactions()

    def they_sweep(self) -> None:
        """Read Stripe's list of events, and do what is found in it."""
        from workers.webhooks import sweep_events

        self.its_time_to_read_again()
        sweep_events()

    def they_issue_and_send(self) -> None:
        from workers.receipts import issue_receipts, send_mail, write_documents

        issue_receipts()
        write_documents()
        send_mail()

    def its_time_to_read_again(self) -> None:
        """The pause that the timetable keeps between two readings of a list has passed."""
        with transaction() as session:
            session.execute(text("update stripe_cursors set checked_at = checked_at - interval '1 hour'"))

    def what_was_put_off_is_due(self) -> None:
        """Hours pass for everything that waits for its next try."""
        with transaction() as session:
            for queue in ("stripe_event_queue", "due_receipts", "due_documents", "outgoing_mails"):
                session.execute(text(f"update {queue} set next_at = now()"))  # noqa: S608 - our names

    # What people find

    def status_of(self, gift: Gift) -> str:
        """As our API tells it."""
        return str(self.shown(gift)["status"])

    def shown(self, gift: Gift) -> dict[str, Any]:
        """The public part of the gift."""
        answer = requests.get(f"{self.url}/api/v1/donations/{gift.id}", timeout=15)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def thank_you_page(self, gift: Gift, language: str = "en") -> str:
        """What the donor reads after coming back, without its markup."""
        answer = requests.get(f"{self.url}/thank-you/{gift.id}?lang={language}", timeout=15)
        assert answer.status_code == 200, answer.text
        readable = re.sub(r"(?s)<(script|style|head)\b.*?</\1>", " ", answer.text)
        return " ".join(unescape(re.sub(r"<[^>]+>", " ", readable)).split())

    def mails(self) -> list[dict[str, Any]]:
        """Everything that reached the donors, oldest first."""
        return self.post.mails()

    def receipt_in(self, mail: dict[str, Any]) -> str:
        """The words of the PDF in a mail."""
        pages = pypdf.PdfReader(io.BytesIO(self.post.attachment(mail))).pages
        return " ".join(" ".join(page.extract_text() for page in pages).split())

    def receipts(self) -> list[str]:
        """The numbers in the register."""
        with transaction() as session:
            return list(session.scalars(select(Receipt.number).order_by(Receipt.number)))

    def balances(self) -> dict[str, int]:
        """Account, with its fund where it has one: what stands there, debit positive."""
        with transaction() as session:
            return {
                f"{row.account}:{row.fund_id}" if row.fund_id else row.account.value: row.balance.minor
                for row in balances(session)
            }

    def the_book_ties(self) -> bool:
        """Debits equal credits, and the book says of Stripe what Stripe says of itself."""
        at_stripe = sum(row["net"] for row in self.stripe.list("balance_transactions"))
        with transaction() as session:
            proofs = tie_out(session)
        return (
            sum(self.balances().values()) == 0
            and all(proof.is_proven for proof in proofs)
            and sum(proof.in_the_book for proof in proofs) == at_stripe
        )

    def parked(self) -> dict[str, str]:
        """What waits for a person: the type of each event, and why."""
        with transaction() as session:
            rows = session.execute(
                select(StripeEvent.type, QueuedEvent.parked_reason)
                .join(QueuedEvent, QueuedEvent.stripe_event_id == StripeEvent.stripe_event_id)
                .where(QueuedEvent.parked_reason.is_not(None))
            )
            return {type_: str(reason) for type_, reason in rows}

    def nothing_is_left_to_do(self) -> bool:
        """No event waits, whether due or parked."""
        with transaction() as session:
            return session.scalars(select(QueuedEvent)).first() is None

    def stored(self) -> list[str]:
        """The types of everything in the inbox."""
        with transaction() as session:
            return sorted(session.scalars(select(StripeEvent.type)))

    def gifts(self) -> Sequence[Donation]:
        """Every gift in the database."""
        with transaction() as session:
            return session.scalars(select(Donation).order_by(Donation.created_at)).all()


WithSettings = Callable[..., None]


def settled_in(url: str, stripe: Stripe, post: PostOffice, with_settings: WithSettings) -> House:
    """The house with everything forgotten, and its settings pointing next door."""
    stripe.forget_everything()
    post.forget_everything()
    with_settings(
        public_base_url=url, stripe_api_base=stripe.url, smtp_url=post.smtp_url, broker_url="memory://"
    )
    return House(url, stripe, post)
