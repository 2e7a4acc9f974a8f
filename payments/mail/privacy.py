"""Over which connections a password may be said: encrypted ones, and those that never leave the machine.

Whoever can read a connection can also hide from us that the server offers encryption, so "where it is
offered" is not enough for a password.
"""

import ssl
from ipaddress import ip_address
from socket import AF_UNIX, socket


def is_private(line: socket) -> bool:
    """Whether nobody on the way can read what is said."""
    if isinstance(line, ssl.SSLSocket) or line.family == AF_UNIX:
        return True
    peer = str(line.getpeername()[0]).partition("%")[0]  # after a % stands the network card
    return ip_address(peer).is_loopback
