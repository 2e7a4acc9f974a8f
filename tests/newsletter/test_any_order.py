"""Whatever is typed, clicked and stopped, in any order and from mails however old: the last word stands."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
import time_machine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, text

from payments.clock import now
from payments.database import transaction
from payments.donations import organisation as charity
from payments.supporters.newsletter import consent
from payments.supporters.newsletter.links import NewsletterLinkExpired
from payments.supporters.newsletter.models import Source
from tests.newsletter.conftest import (
    ADA,
    is_known,
    log,
    mails,
    newest_token,
    reader,
    says_yes,
    somebody_types,
    stops,
    the_worker_answers,
)

STEPS = st.lists(
    st.one_of(
        st.just(("types", 0)),
        st.tuples(st.sampled_from(["yes", "no"]), st.integers(0, 5)),
        st.just(("stops", 0)),
    ),
    max_size=10,
)


@dataclass
class Model:
    """What a person would say of it."""

    standing: str = "unknown"
    questions: list[str] = field(default_factory=list)
    is_open: list[bool] = field(default_factory=list)

    def types(self, token: str | None) -> None:
        if self.standing == "unknown":
            self.standing = "asked"
        if token is not None:
            self.questions.append(token)
            self.is_open.append(True)

    def says(self, standing: str) -> None:
        self.standing = standing
        self.is_open = [False] * len(self.is_open)

    def says_no(self) -> None:
        self.says({"subscribed": "withdrawn", "asked": "declined"}.get(self.standing, self.standing))


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
@pytest.mark.usefixtures("letterhead")
def test_the_last_word_stands(steps: list[tuple[str, int]], forget_everybody: Callable[[], None]) -> None:
    forget_everybody()
    model, at = Model(), now()
    for step, which in steps:
        at += timedelta(hours=9)  # apart enough for every mail to be allowed
        with time_machine.travel(at, tick=False):
            take(model, step, which)
        if is_known():
            assert reader().standing == model.standing
        else:
            assert model.standing == "unknown"

    decisive = [entry.said for entry in log() if entry.said in {"yes", "no", "withdrawn"}]
    assert (model.standing == "subscribed") == (decisive[-1:] == ["yes"])
    assert [entry.answers in {each.id for each in log()} for entry in log() if entry.said == "yes"] == [
        True
    ] * decisive.count("yes")


def take(model: Model, step: str, which: int) -> None:
    if step == "types":
        before = [fact for fact, _, _ in mails()].count("newsletter_confirm")
        somebody_types()
        the_worker_answers()
        after = [fact for fact, _, _ in mails()].count("newsletter_confirm")
        model.types(newest_token(ADA) if after > before else None)
    elif step == "stops":
        if is_known():
            stops(reader().id, Source.ONE_CLICK)
            if model.standing in {"subscribed", "asked"} or any(model.is_open):
                model.says_no()
    elif model.questions:
        answer(model, step, which % len(model.questions))


def answer(model: Model, step: str, which: int) -> None:
    counts = model.is_open[which] or model.standing == "subscribed"
    try:
        if step == "yes":
            says_yes(model.questions[which])
        else:
            with transaction() as session:
                consent.decline(session, model.questions[which], charity.letterhead(session))
    except NewsletterLinkExpired:
        assert not counts
        return
    assert counts
    if step == "no":
        model.says_no()
    elif model.standing != "subscribed":
        model.says("subscribed")


@pytest.fixture
def forget_everybody(owner: Connection) -> Callable[[], None]:
    """Before each example: nobody was ever heard of."""

    def empty() -> None:
        owner.execute(text("set session_replication_role = replica"))
        for table in ("consent_log", "newsletter_readers", "newsletter_requests", "outgoing_mails"):
            owner.execute(text(f"delete from {table}"))  # noqa: S608 - our names
        owner.commit()

    return empty
