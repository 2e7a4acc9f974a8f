"""From where a request comes, as far as it can be known.

A web server in front of us says for whom it asks, in `X-Forwarded-For` or `Forwarded`. Anybody can send
such a header, so it is read from its end, where the nearest web server wrote, and only for as long as the
one who wrote is one of TRUSTED_PROXIES. What cannot be read is not believed, and raises nothing.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_MOST_HOPS = 20
_INSIDE = tuple(
    map(
        ip_network,
        (
            *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8"),
            *("169.254.0.0/16", "fc00::/7", "fe80::/10", "::1/128"),
        ),
    )
)
"""Where no donor comes from over the internet: who forwards from here is a web server of the charity's."""
_NODE = re.compile(r"(?:\[(?P<six>[^\]]{2,60})\]|(?P<four>[0-9.]{7,15}))(?::[0-9]{1,5})?")
_FOR = re.compile(r"(?:^|;)\s*for\s*=\s*(\"[^\"]*\"|[^;\s]*)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request comes from: the `address`, None where it cannot be told."""

    address: Address | None
    is_proxy_unnamed: bool = False
    """A web server forwards to us that TRUSTED_PROXIES does not name: everybody would seem to be it."""

    @property
    def household(self) -> str | None:
        """What one sender has: an address of IPv4, or the /64 that IPv6 gives each of its networks."""
        return _network(self.address, 32, 64)

    @property
    def neighbourhood(self) -> str | None:
        """What one sender may easily rent: a /24 of IPv4, a /48 of IPv6."""
        return _network(self.address, 24, 48)


def origin(
    peer: str, *, x_forwarded_for: Sequence[str], forwarded: Sequence[str], proxies: Sequence[Network]
) -> Origin:
    """Who asks, from who is connected and the headers of these names, in the order they came.

    Where both headers are there and say different things, one of them was sent by the client: then
    nothing is believed but that the request came through the proxy.
    """
    connected = _read(peer)
    if connected is None:
        return Origin(None)
    if not _is_among(connected, proxies):
        is_unnamed = _is_among(connected, _INSIDE) and bool(x_forwarded_for or forwarded)
        return Origin(None if is_unnamed else connected, is_unnamed)
    told = {
        _walk(connected, list(hops), proxies)
        for hops in (_of_list(x_forwarded_for), _of_forwarded(forwarded))
        if hops
    }
    return Origin(told.pop() if len(told) == 1 else connected)


def _walk(connected: Address, hops: list[str], proxies: Sequence[Network]) -> Address:
    """Back along the way, for as long as the one who tells is trusted."""
    teller = connected
    for hop in hops[: -_MOST_HOPS - 1 : -1]:
        address = _read(hop)
        if address is None:
            return teller
        teller = address
        if not _is_among(address, proxies):
            return address
    return teller


def _of_list(headers: Sequence[str]) -> list[str]:
    return [part.strip() for header in headers for part in header.split(",") if part.strip()]


def _of_forwarded(headers: Sequence[str]) -> list[str]:
    """The `for=` of each element (RFC 7239); an element without one is a hop that cannot be read."""
    return list(_fors(_of_list(headers)))


def _fors(elements: Sequence[str]) -> Iterator[str]:
    for element in elements:
        found = _FOR.search(element)
        yield found[1].strip('"') if found else "unknown"


def _read(text: str) -> Address | None:
    """An address, with or without a port behind it; None for everything else."""
    node = _NODE.fullmatch(text)
    written = (node["six"] or node["four"]) if node else text
    try:
        address = ip_address(written.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        # The same machine, spoken to in the other protocol.
        return address.ipv4_mapped or address.sixtofour or address
    return address


def _is_among(address: Address, networks: Sequence[Network]) -> bool:
    return any(address in network for network in networks)


def _network(address: Address | None, four: int, six: int) -> str | None:
    if address is None:
        return None
    bits = four if isinstance(address, IPv4Address) else six
    return str(ip_network((address, bits), strict=False))
