"""Who said what, and what it does: one letter an hour, one yes for a question, and the last word stands."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from payments.clock import now
from payments.database import transaction
from payments.donations import organisation as charity
from payments.mail.letterhead import Letterhead
from payments.supporters.newsletter import consent, links
from payments.supporters.newsletter.links import NewsletterLinkExpired, NewsletterLinkNotGenuine
from payments.supporters.newsletter.models import Said, Source
from payments.supporters.newsletter.wording import VERSION, Wording, tick, wording
from payments.translations import LOCALES
from tests.newsletter.conftest import (
    ADA,
    a_question,
    a_subscriber,
    letter,
    log,
    mails,
    newest_token,
    reader,
    says_yes,
    somebody_types,
    stops,
    text_of,
    the_worker_answers,
    words,
)

pytestmark = pytest.mark.usefixtures("letterhead")


def kinds() -> list[str]:
    return [fact.removeprefix("newsletter_") for fact, _, _ in mails()]


def test_a_yes_is_noted_with_its_proof() -> None:
    token = a_question(locale="ko")

    says_yes(token, locale="ko")

    asked, yes = log()
    assert (asked.said, asked.source, asked.page) == (Said.ASKED, Source.BOX, "/newsletter")
    assert (yes.said, yes.source, yes.answers, yes.locale) == (Said.YES, Source.LETTER, asked.id, "ko")
    assert yes.wording == wording("ko", organisation="등불길").text
    assert yes.wording_sha256 == hashlib.sha256(yes.wording.encode()).hexdigest()
    assert yes.wording_version == 1
    assert reader().standing == "subscribed"
    assert reader().subscribed_at == yes.at


def test_a_yes_said_twice_is_one() -> None:
    token = a_question()

    with ThreadPoolExecutor(4) as hasty:
        list(hasty.map(says_yes, [token] * 4))

    assert words() == [("asked", "box"), ("yes", "letter")]
    assert kinds() == ["confirm", "welcome"]


def test_an_old_mail_does_not_undo_a_stop() -> None:
    token = a_question()
    says_yes(token)
    stops(reader().id)

    with pytest.raises(NewsletterLinkExpired):
        says_yes(token)

    assert reader().standing == "withdrawn"


def test_who_stopped_may_begin_again_and_the_log_keeps_both() -> None:
    a_subscriber()
    stops(reader().id)

    with time_machine.travel(now() + timedelta(hours=2)):
        says_yes(a_question())

    assert [said for said, _ in words()] == ["asked", "yes", "withdrawn", "asked", "yes"]
    assert reader().standing == "subscribed"


def test_a_stop_said_twice_is_one() -> None:
    reader_id = a_subscriber()

    assert stops(reader_id)
    assert not stops(reader_id, Source.ONE_CLICK)

    assert words()[-1] == ("withdrawn", "letter")
    assert kinds() == ["confirm", "welcome", "stopped"]


def test_a_stop_before_any_yes_is_a_no() -> None:
    token = a_question()

    stops(reader().id, Source.ONE_CLICK)

    assert reader().standing == "declined"
    assert words()[-1] == ("no", "one_click")
    with pytest.raises(NewsletterLinkExpired):
        says_yes(token)


def test_a_stop_also_answers_the_question_that_came_after_an_earlier_one() -> None:
    a_subscriber()
    stops(reader().id)
    with time_machine.travel(now() + timedelta(hours=2)):
        token = a_question()

        assert stops(reader().id)
        with pytest.raises(NewsletterLinkExpired):
            says_yes(token)
    assert reader().standing == "withdrawn"


# Mails to whoever is typed


def test_a_mail_goes_at_most_once_an_hour_and_three_times_a_day() -> None:
    start = now()
    for hours in (0, 0, 0.9, 1.1, 2.2, 3.3, 9, 25.5):
        with time_machine.travel(start + timedelta(hours=hours)):
            somebody_types("Ada@Example.com" if hours else ADA)
            the_worker_answers()

    # At 0, 1.1 and 2.2; then not before a day after the first.
    assert kinds() == ["confirm"] * 4
    assert {to for _, to, _ in mails()} == {ADA}


def test_a_crowd_that_types_one_address_causes_one_mail() -> None:
    for number in range(12):
        somebody_types("Ada@Example.com" if number % 2 else ADA)

    with ThreadPoolExecutor(3) as workers:
        list(workers.map(lambda _: the_worker_answers(), range(3)))

    assert kinds() == ["confirm"]


def test_a_subscriber_who_types_again_reads_that_all_is_well() -> None:
    a_subscriber()

    with time_machine.travel(now() + timedelta(hours=2)):
        somebody_types()
        the_worker_answers()

    assert kinds() == ["confirm", "welcome", "already"]
    assert reader().standing == "subscribed"


def test_who_said_no_may_be_asked_again_after_a_month() -> None:
    token = a_question()
    with transaction() as session:
        consent.decline(session, token, charity.letterhead(session))

    for days, expected in ((29, 1), (31, 2)):
        with time_machine.travel(now() + timedelta(days=days)):
            somebody_types()
            the_worker_answers()
        assert len(mails()) == expected


def test_who_withdrew_and_says_no_to_a_new_question_is_left_in_peace_as_well() -> None:
    a_subscriber()
    stops(reader().id)
    later = now() + timedelta(hours=2)
    with time_machine.travel(later):
        token = a_question()
        with transaction() as session:
            consent.decline(session, token, charity.letterhead(session))
            assert consent.is_declined(session, token)
    for days, expected in ((29, 2), (31, 3)):
        with time_machine.travel(later + timedelta(days=days)):
            somebody_types()
            the_worker_answers()
        assert kinds().count("confirm") == expected

    assert reader().standing == "withdrawn"


# Letters


@pytest.mark.parametrize("locale", LOCALES)
def test_every_letter_can_be_stopped_from_the_mail_program(locale: str, letterhead: Letterhead) -> None:
    a_subscriber(locale=locale)
    stops(reader().id)

    stop = links.stop_url(reader().id)
    for fact, _, written in mails():
        parsed = letter(written)
        assert f"List-Unsubscribe: <{stop}>\r\n".encode() in written, fact
        assert parsed["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert parsed["Auto-Submitted"] == "auto-generated"
        assert parsed["Content-Language"] == locale
        assert ("/newsletter/stop/" in text_of(written)) is (fact != "newsletter_stopped")
        assert letterhead.legal_name in text_of(written), "who writes, and from where"
        assert letterhead.address[0] in text_of(written)
        assert "{" not in text_of(written) + parsed["Subject"]


def test_no_link_holds_the_address() -> None:
    a_subscriber()

    for _, _, written in mails():
        for part in text_of(written).split():
            if "/newsletter" in part:
                assert "ada" not in part.lower().replace("lantern", "")
                assert "@" not in part
                assert "%40" not in part


def test_the_welcome_says_the_day_of_the_consent() -> None:
    with time_machine.travel("2027-03-03 12:00:00Z", tick=False):
        a_subscriber()

    told = text_of(mails()[-1][2])
    assert "On March 3, 2027 you agreed" in told
    assert wording("en", organisation="Lantern Path").text in told


def test_a_korean_reader_is_told_the_day_it_was_in_korea() -> None:
    with time_machine.travel("2027-03-03 16:00:00Z", tick=False):
        a_subscriber(locale="ko")

    assert "2027년 3월 4일에" in text_of(mails()[-1][2])


# Links


def test_a_link_confirms_for_seven_days() -> None:
    token = a_question()

    with time_machine.travel(now() + timedelta(days=7, minutes=1)), pytest.raises(NewsletterLinkExpired):
        says_yes(token)
    with time_machine.travel(now() + timedelta(days=6, hours=23)):
        says_yes(token)
    assert reader().standing == "subscribed"


def test_a_link_that_stops_is_good_for_ever_and_for_nothing_else() -> None:
    stop = links.stop_token("nlr_0123456789abcdef0123456789abcdef")

    with time_machine.travel(now() + timedelta(days=10_000)):
        assert links.reader_of(stop) == "nlr_0123456789abcdef0123456789abcdef"
    with pytest.raises(NewsletterLinkNotGenuine):
        links.question_of(stop)
    with pytest.raises(NewsletterLinkNotGenuine):
        links.reader_of(links.confirm_token(1, expires_at=now() + timedelta(days=1)))


@pytest.mark.parametrize("spoil", [str.lower, lambda t: t[:-1], lambda t: t[1:], lambda t: "é" + t])
def test_a_link_that_was_changed_or_cut_off_opens_nothing(spoil) -> None:
    token = spoil(newest_token() if mails() else a_question())

    with pytest.raises(NewsletterLinkNotGenuine):
        links.question_of(token)


def test_every_byte_of_a_link_is_signed() -> None:
    token = links.stop_token("nlr_0123456789abcdef0123456789abcdef")
    others = {token[:at] + sign + token[at + 1 :] for at in range(len(token)) for sign in "AQgw"} - {token}

    for other in others:
        with pytest.raises(NewsletterLinkNotGenuine):
            links.reader_of(other)


# What the database itself keeps


@pytest.mark.parametrize(
    "answers",
    ["null", "(select max(id) from consent_log where reader_id <> 'nlr_forged')"],
    ids=["without a question", "with somebody else's question"],
)
def test_the_database_refuses_a_yes_that_nobody_was_asked_for(answers: str, owner: Connection) -> None:
    a_question()

    with pytest.raises(IntegrityError):
        owner.execute(
            text(
                "insert into consent_log (at, reader_id, said, source, locale, answers, wording,"  # noqa: S608
                f" wording_sha256) values (now(), 'nlr_forged', 'yes', 'letter', 'en', {answers}, 'x', 'x')"
            )
        )


@pytest.mark.parametrize(
    ("locale", "sha256"),
    [
        ("en", "092f965c14857e87e873e55d169f2a005e380d994c01fbaf24d763bc92fe2b3e"),
        ("ko", "25264feabe920b0e23a24355df711763e7f8944a8a4619aee7f3399fcf14489d"),
    ],
)
def test_another_sentence_is_another_version(locale: str, sha256: str) -> None:
    # Changed the sentence on purpose? Then raise VERSION and write its hashes here instead.
    shown = wording(locale, organisation="{name}")

    assert (shown.version, shown.sha256) == (1, sha256)


@pytest.mark.parametrize(
    ("locale", "sha256"),
    [
        ("en", "136842d2364ad699efe2c4e160f97046d775ae0a06f50d455ac7ee9054c16aa1"),
        ("ko", "1f675a4de8f602a1ae3899a3bb5cf5e0b56643f686c791884c27170e34876ff3"),
    ],
)
def test_another_box_beside_a_gift_is_another_version_too(locale: str, sha256: str) -> None:
    shown = Wording(VERSION, " ".join(tick(locale)))

    assert (shown.version, shown.sha256) == (1, sha256)
