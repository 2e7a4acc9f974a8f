"""A mail inbox for one machine: takes every mail by SMTP, delivers none, shows them in a browser.

`python -m payments.sandbox.mail_catcher --smtp-port 1025 --http-port 8025 --data DIR`. The pages work
without JavaScript; `/api/v1` answers as Mailpit does, so tools and tests made for Mailpit work here.
Messages lie in DIR as they came, one `.eml` each. With `--returned DIR` mail to bounce@… and complain@… is
also reported on, as servers on the way would. `POST /_mail/mood` makes the server refuse, hang
or hang up, for the tests of whoever sends.
"""

import argparse
import asyncio
import socket
import sys
from pathlib import Path

import uvicorn
from aiosmtpd.smtp import SMTP

from payments.sandbox.caught_mail import Mailbox
from payments.sandbox.mail_pages import web
from payments.sandbox.postman import Postman
from payments.sandbox.returned_mail import Returns

LARGEST_MAIL = 32 * 1024 * 1024


def listen(host: str, port: int) -> socket.socket:
    """A listening socket, or a sentence that says why not."""
    server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        server.bind((host, port))
    except OSError as trouble:
        sys.exit(f"mail inbox: cannot listen on {host}:{port}: {trouble.strerror}")
    return server


async def serve(options: argparse.Namespace) -> None:
    """Take mail and show it until SIGTERM or SIGINT."""
    mailbox = Mailbox(options.data)
    postman = Postman(mailbox, Returns(options.returned) if options.returned else None)
    smtp_socket, http_socket = (
        listen(options.host, options.smtp_port),
        listen(options.host, options.http_port),
    )
    smtp_port, http_port = smtp_socket.getsockname()[1], http_socket.getsockname()[1]

    def conversation() -> SMTP:
        return SMTP(
            postman,
            data_size_limit=LARGEST_MAIL,
            enable_SMTPUTF8=True,
            hostname="mail-inbox",
            ident="mail inbox",
        )

    await asyncio.get_running_loop().create_server(conversation, sock=smtp_socket)
    config = uvicorn.Config(
        web(mailbox, postman),
        lifespan="off",
        access_log=False,
        log_level="warning",
        timeout_graceful_shutdown=1,
    )
    pages = uvicorn.Server(config)
    serving = asyncio.create_task(pages.serve(sockets=[http_socket]))
    while not pages.started and not serving.done():
        await asyncio.sleep(0.005)
    host = options.host
    print(f"mail inbox listening on http://{host}:{http_port} smtp {host}:{smtp_port}", flush=True)  # noqa: T201
    await serving


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m payments.sandbox.mail_catcher", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--smtp-port", type=int, default=1025, help="0 picks a free one")
    parser.add_argument("--http-port", type=int, default=8025, help="0 picks a free one")
    parser.add_argument("--data", type=Path, required=True, help="the folder that keeps the messages")
    parser.add_argument(
        "--returned", type=Path, help="a Maildir for the reports on mail to bounce@… and complain@…"
    )
    asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
