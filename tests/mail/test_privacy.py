"""A password is said only where nobody on the way can hear it."""

import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from payments.mail.mailbox import MailboxAway, mailbox_of_reports
from payments.mail.privacy import is_private
from payments.mail.smtp import MailServer, MailServerInTheOpen

_Address = tuple[str, int]


def test_on_this_machine_it_may_be_said():
    here, there = socket.socketpair()
    with here, there, listening("127.0.0.1") as (address, _), socket.create_connection(address) as line:
        assert is_private(here)
        assert is_private(line)


def test_over_the_network_it_may_not(outward: str):
    with listening(outward) as (address, _), socket.create_connection(address) as line:
        assert not is_private(line)


def test_a_mail_server_without_encryption_hears_no_password(outward: str):
    with listening(outward) as ((host, port), heard):
        server = MailServer(f"smtp://giving:secret@{host}:{port}?timeout=5", sender="giving@example.org")
        with server, pytest.raises(MailServerInTheOpen, match="SMTP_URL"):
            server.send("ada@example.com", b"")

    assert [line.split()[0] for line in heard] == ["ehlo"]


def test_a_mailbox_without_encryption_hears_no_password(outward: str, with_settings: Callable[..., None]):
    with listening(outward, greeting=b"* OK ready\r\n") as ((host, port), heard):
        with_settings(mail_reports_url=f"imap://returned:secret@{host}:{port}/INBOX")
        with pytest.raises(MailboxAway, match="MAIL_REPORTS_URL"), mailbox_of_reports():
            pass

    assert not [line for line in heard if "LOGIN" in line]


@pytest.fixture
def outward() -> str:
    """An address of this machine that others could reach; what is sent there stays on this machine."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        try:
            asking.connect(("192.0.2.1", 9))  # names a way out and sends nothing
        except OSError:
            pytest.skip("this machine has no address but its loopback")
        return str(asking.getsockname()[0])


@contextmanager
def listening(host: str, *, greeting: bytes = b"220 ready\r\n") -> Iterator[tuple[_Address, list[str]]]:
    """A server in the open: where it is, and what it heard."""
    heard: list[str] = []

    class Conversation(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(greeting)
            for raw in self.rfile:
                heard.append(line := raw.decode().strip())
                self.wfile.write(_answer(line))

    with socketserver.ThreadingTCPServer((host, 0), Conversation) as server:
        server.daemon_threads, server.block_on_close = True, False
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield (host, int(server.server_address[1])), heard
        server.shutdown()
        thread.join()


def _answer(line: str) -> bytes:
    if line.startswith("ehlo"):
        return b"250-ready\r\n250 AUTH PLAIN LOGIN\r\n"
    tag = line.split(maxsplit=1)[0].encode()
    if "CAPABILITY" in line:
        return b"* CAPABILITY IMAP4rev1\r\n" + tag + b" OK done\r\n"
    return tag + b" BAD what\r\n"
