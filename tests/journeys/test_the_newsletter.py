"""Somebody reads of the charity, wants its letters, and one day has had enough; told as they lived it."""

import re

import pytest
import requests

from payments.database import transaction
from payments.supporters.newsletter import listing
from tests.journeys.house import House

pytestmark = pytest.mark.timeout(60)

OURS = {"Sec-Fetch-Site": "same-origin"}


def standings() -> dict[str, int]:
    with transaction() as session:
        return {str(each): count for each, count in listing.standings(session).items() if count}


def the_workers_write(house: House) -> None:
    from workers.newsletter import answer_newsletter, tend_readers

    answer_newsletter()
    tend_readers()
    house.they_issue_and_send()


def link(house: House, kind: str, written: str) -> str:
    """The link of this kind, at the door where the house of the stories really stands."""
    found = re.search(rf"/newsletter/{kind}/[\w?=-]+", written)
    assert found is not None
    return house.url + found[0]


def test_a_reader_subscribes_confirms_and_one_day_leaves(house: House) -> None:
    # On the charity's own page a visitor leaves an address; the page says to look for a mail.
    answer = requests.post(
        f"{house.url}/newsletter",
        data={"email": "jiwoo@example.com", "lang": "en", "page": "/"},
        headers={"Origin": "https://lanternpath.example", "Sec-Fetch-Site": "cross-site"},
        timeout=15,
    )
    assert "You are not subscribed yet" in answer.text
    the_workers_write(house)
    assert standings() == {"asked": 1}

    # The mail arrives. A virus scanner opens its link first, and nothing comes of that.
    [mail] = house.post.mails()
    confirm = link(house, "confirm", mail["Text"])
    requests.get(confirm, timeout=15)
    assert standings() == {"asked": 1}

    # Then the reader opens it and says yes.
    page = requests.get(confirm, timeout=15)
    assert "Yes, send me the newsletter" in page.text
    page = requests.post(confirm, data={"answer": "yes", "lang": "en"}, headers=OURS, timeout=15)
    assert "Awesome! You're subscribed!" in page.text
    assert standings() == {"subscribed": 1}

    # The welcome tells how it stops. Years later the mail program's own button does it.
    the_workers_write(house)
    welcome = house.post.mails()[-1]
    assert welcome["Headers"]["List-Unsubscribe-Post"] == ["List-Unsubscribe=One-Click"]
    stop = link(house, "stop", welcome["Headers"]["List-Unsubscribe"][0])
    answer = requests.post(stop, data={"List-Unsubscribe": "One-Click"}, allow_redirects=False, timeout=15)
    assert answer.status_code == 200
    assert standings() == {"withdrawn": 1}

    # The first mail is found again and clicked: the last word stands.
    page = requests.post(confirm, data={"answer": "yes", "lang": "en"}, headers=OURS, timeout=15)
    assert page.status_code == 410
    assert "Oh no! Looks like something went wrong." in page.text
    assert standings() == {"withdrawn": 1}


def test_a_gift_is_paid_and_receipted_and_puts_nobody_on_the_list(house: House) -> None:
    gift = house.gives(email="ada@example.com")
    house.pays(gift)
    house.stripe_settles()

    house.the_workers_work()
    the_workers_write(house)

    assert standings() == {}
    assert len(house.post.mails()) == 1, "the receipt, and nothing else"
