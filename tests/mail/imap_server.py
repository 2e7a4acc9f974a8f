"""As much of an IMAP server as a reader of reports needs (RFC 3501), with letters in memory."""

import re
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

PASSWORD = "a pass/word"  # noqa: S105 - of this server alone


@dataclass
class Letters:
    """The letters of one mailbox and their flags, by their place."""

    raw: list[bytes] = field(default_factory=list)
    flags: dict[int, set[str]] = field(default_factory=dict)
    port: int = 0


@contextmanager
def imap_server() -> Iterator[Letters]:
    """A mailbox of `returned`, open on a free port of the loopback."""
    letters = Letters()

    class Conversation(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"* OK ready\r\n")
            for line in self.rfile:
                tag, _, command = line.decode().strip().partition(" ")
                answers, verdict = _answer(letters, command)
                self.wfile.write(b"".join(answers) + f"{tag} {verdict} done\r\n".encode())

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Conversation) as server:
        server.daemon_threads = True
        letters.port = server.server_address[1]
        listening = threading.Thread(target=server.serve_forever, args=(0.02,))
        listening.start()
        yield letters
        server.shutdown()
        listening.join()


def _answer(letters: Letters, command: str) -> tuple[list[bytes], str]:
    if command in {"CAPABILITY", f'LOGIN returned "{PASSWORD}"', 'SELECT "INBOX"'}:
        return [b"* CAPABILITY IMAP4rev1\r\n" if command == "CAPABILITY" else b"* 2 EXISTS\r\n"], "OK"
    if command == "UID SEARCH UNSEEN":
        unseen = [number for number in range(1, len(letters.raw) + 1) if "\\Seen" not in _of(letters, number)]
        return [f"* SEARCH {' '.join(map(str, unseen))}\r\n".encode()], "OK"
    if fetch := re.fullmatch(r"UID FETCH (\d+) \(BODY\.PEEK\[\]<0\.(\d+)>\)", command):
        raw = letters.raw[int(fetch[1]) - 1][: int(fetch[2])]
        head = f"* {fetch[1]} FETCH (UID {fetch[1]} BODY[]<0> {{{len(raw)}}}\r\n".encode()
        return [head, raw, b")\r\n"], "OK"
    if store := re.fullmatch(r"UID STORE (\d+) \+FLAGS\.SILENT \((.+)\)", command):
        _of(letters, int(store[1])).update(store[2].split())
        return [], "OK"
    return [], "NO"


def _of(letters: Letters, number: int) -> set[str]:
    return letters.flags.setdefault(number, set())
