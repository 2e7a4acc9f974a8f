"""The stop button's link: it opens one gift, for a time, and nothing else."""

from datetime import timedelta

import pytest

from payments.clock import now
from payments.monthly import links
from payments.monthly.links import LinkExpired, LinkNotGenuine

ADA = "ada@example.com"
GIFT = "mon_0123456789abcdef0123456789abcdef"


def test_a_link_opens_the_gift_it_was_made_for():
    address = links.url(GIFT, ADA)

    assert links.monthly_gift_id(address.rpartition("/")[2]) == GIFT


def test_a_link_says_nothing_that_could_be_read_over_a_shoulder():
    address = links.url(GIFT, ADA)

    assert "@" not in address
    assert GIFT not in address


def test_a_link_knows_the_address_it_was_made_for():
    token = links.url(GIFT, ADA).rpartition("/")[2]

    assert links.was_for(token, "Ada@Example.com")
    assert not links.was_for(token, "ben@example.com")


def test_an_old_link_opens_nothing_and_knows_its_gift():
    old = links.token(GIFT, ADA, expires_at=now() - timedelta(seconds=1))

    with pytest.raises(LinkExpired) as refused:
        links.monthly_gift_id(old)
    assert refused.value.monthly_gift_id == GIFT


@pytest.mark.parametrize(
    "spoil", [str.lower, lambda t: t[:-1], lambda t: t[1:], lambda t: "x", lambda t: "é" + t]
)
def test_a_link_that_was_changed_or_cut_off_opens_nothing(spoil):
    token = links.token(GIFT, ADA, expires_at=now() + timedelta(days=1))

    with pytest.raises(LinkNotGenuine):
        links.monthly_gift_id(spoil(token))


def test_every_byte_of_a_link_is_signed():
    token = links.token(GIFT, ADA, expires_at=now() + timedelta(days=1))
    others = {token[:at] + letter + token[at + 1 :] for at in range(len(token)) for letter in "AQgw"} - {
        token
    }

    for other in others:
        with pytest.raises(LinkNotGenuine):
            links.monthly_gift_id(other)
