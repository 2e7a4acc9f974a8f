"""From where a request comes: what proxies say of it, and whom one believes."""

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.shield.addresses import Origin, origin

PROXIES = tuple(map(ip_network, ("127.0.0.0/8", "172.18.0.0/16", "2001:db8:aaaa::/48")))
DONOR = "203.0.113.9"


def seen(peer: str, *, x: list[str] | None = None, forwarded: list[str] | None = None) -> str | None:
    found = origin(peer, x_forwarded_for=x or [], forwarded=forwarded or [], proxies=PROXIES)
    return str(found.address) if found.address else None


@pytest.mark.parametrize(
    ("peer", "x_forwarded_for", "from_where"),
    [
        pytest.param(DONOR, [], DONOR, id="nobody between"),
        pytest.param(DONOR, ["198.51.100.1"], DONOR, id="a stranger's header is not believed"),
        pytest.param("127.0.0.1", [], "127.0.0.1", id="the proxy itself"),
        pytest.param("127.0.0.1", [DONOR], DONOR, id="one proxy"),
        pytest.param(
            "127.0.0.1", [f"1.1.1.1, {DONOR}"], DONOR, id="what the client wrote before is not read"
        ),
        pytest.param("127.0.0.1", [f"{DONOR}, 172.18.0.5"], DONOR, id="two proxies"),
        pytest.param("127.0.0.1", [DONOR, "172.18.0.5"], DONOR, id="two headers are one list"),
        pytest.param("127.0.0.1", [f"{DONOR}, 198.51.100.7, 172.18.0.5"], "198.51.100.7", id="a far proxy"),
        pytest.param("127.0.0.1", ["172.18.0.9, 172.18.0.5"], "172.18.0.9", id="all of them trusted"),
        pytest.param("127.0.0.1", [f"{DONOR}:51234"], DONOR, id="with a port"),
        pytest.param("127.0.0.1", ["[2001:db8::7]:443"], "2001:db8::7", id="IPv6 with a port"),
        pytest.param("127.0.0.1", ["2001:db8::7"], "2001:db8::7", id="IPv6"),
        pytest.param("127.0.0.1", ["::ffff:203.0.113.9"], DONOR, id="IPv4 in IPv6"),
        pytest.param("127.0.0.1", ["2002:cb00:7109::1"], DONOR, id="6to4"),
        pytest.param("::ffff:127.0.0.1", [DONOR], DONOR, id="the proxy speaks IPv6"),
        pytest.param("2001:db8:aaaa::1", [DONOR], DONOR, id="an IPv6 proxy"),
        pytest.param("127.0.0.1", ["fe80::1%eth0"], "fe80::1", id="a zone"),
        pytest.param("127.0.0.1", ["unknown"], "127.0.0.1", id="unknown"),
        pytest.param("127.0.0.1", [f"{DONOR}, nonsense"], "127.0.0.1", id="nonsense last"),
        pytest.param("127.0.0.1", ["nonsense, 172.18.0.5"], "172.18.0.5", id="nonsense behind a proxy"),
        pytest.param("127.0.0.1", [" , ,"], "127.0.0.1", id="commas"),
        pytest.param("127.0.0.1", [f"{DONOR},"], DONOR, id="a comma too many"),
        pytest.param("127.0.0.1", ["999.1.1.1"], "127.0.0.1", id="no such number"),
        pytest.param("127.0.0.1", [f"{DONOR}, " + "172.18.0.5, " * 30], "172.18.0.5", id="an endless way"),
        pytest.param("testclient", [DONOR], None, id="no address at all"),
        pytest.param("", [DONOR], None, id="a socket of the file system"),
    ],
)
def test_the_header_is_read_from_its_end_and_through_trusted_hops_only(
    peer: str, x_forwarded_for: list[str], from_where: str | None
) -> None:
    assert seen(peer, x=x_forwarded_for) == from_where


@pytest.mark.parametrize(
    ("forwarded", "from_where"),
    [
        ([f"for={DONOR}"], DONOR),
        ([f"for={DONOR};proto=https;by=172.18.0.5"], DONOR),
        ([f'For="{DONOR}:4711"'], DONOR),
        (['for="[2001:db8:cafe::17]:4711"'], "2001:db8:cafe::17"),
        ([f"for=1.1.1.1, for={DONOR}"], DONOR),
        ([f"for={DONOR}", "for=172.18.0.5"], DONOR),
        (["for=unknown"], "127.0.0.1"),
        (["for=_hidden"], "127.0.0.1"),
        (["proto=https"], "127.0.0.1"),
        (['for="'], "127.0.0.1"),
    ],
)
def test_the_standard_header_is_read_the_same_way(forwarded: list[str], from_where: str) -> None:
    assert seen("127.0.0.1", forwarded=forwarded) == from_where


def test_two_headers_that_disagree_are_both_not_believed() -> None:
    assert seen("127.0.0.1", x=[DONOR], forwarded=["for=1.1.1.1"]) == "127.0.0.1"
    assert seen("127.0.0.1", x=[DONOR], forwarded=[f"for={DONOR}"]) == DONOR


def test_a_proxy_that_nobody_named_is_noticed_and_donors_are_not_counted_as_one() -> None:
    behind = origin("10.0.0.2", x_forwarded_for=[DONOR], forwarded=[], proxies=PROXIES)
    alone = origin("10.0.0.2", x_forwarded_for=[], forwarded=[], proxies=PROXIES)

    assert behind == Origin(None, is_proxy_unnamed=True)
    assert behind.household is None
    assert alone.household == "10.0.0.2/32"


def test_households_and_neighbourhoods_are_what_one_sender_has() -> None:
    four, six = Origin(ip_address(DONOR)), Origin(ip_address("2001:db8:1:2:3:4:5:6"))

    assert (four.household, four.neighbourhood) == ("203.0.113.9/32", "203.0.113.0/24")
    assert (six.household, six.neighbourhood) == ("2001:db8:1:2::/64", "2001:db8:1::/48")


ADDRESSES = st.ip_addresses().map(str)
HOPS = st.lists(ADDRESSES | st.text(max_size=60) | st.sampled_from(["unknown", "172.18.0.5", '"', "for="]))


@given(
    peer=ADDRESSES | st.text(max_size=40),
    x=st.lists(HOPS.map(", ".join), max_size=3),
    forwarded=st.lists(HOPS.map(lambda hops: ", ".join(f"for={hop}" for hop in hops)), max_size=3),
)
def test_no_header_raises_and_what_is_found_is_an_address(
    peer: str, x: list[str], forwarded: list[str]
) -> None:
    found = origin(peer, x_forwarded_for=x, forwarded=forwarded, proxies=PROXIES)

    assert (found.household is None) == (found.address is None)
    if found.household is not None:
        assert ip_address(str(found.address)) in ip_network(found.household)


@given(donor=st.ip_addresses(v=4).filter(lambda a: not any(a in n for n in PROXIES)), lies=HOPS)
def test_a_client_cannot_say_where_it_comes_from(donor: object, lies: list[str]) -> None:
    assert seen("127.0.0.1", x=[", ".join([*lies, str(donor)])]) == str(donor)
