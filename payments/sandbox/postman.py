"""Takes mail by SMTP into the inbox, or behaves as badly as a mail server can, for the tests."""

import asyncio

from aiosmtpd.smtp import SMTP, Envelope, Session

from payments.sandbox.caught_mail import Mailbox
from payments.sandbox.returned_mail import Returns

MOODS = {"accept", "refuse_4xx", "refuse_5xx", "hang", "cut_after_data", "accept_then_hang"}
STAGES = {"mail", "rcpt", "data"}


class Postman:
    """What the SMTP server does with a message, by its mood."""

    def __init__(self, mailbox: Mailbox, returns: Returns | None = None) -> None:
        self.mailbox, self.returns = mailbox, returns
        self.set_mood("accept")

    def set_mood(self, mood: str, *, times: int | None = None, at: str = "data") -> None:
        """A mood holds for so many messages, or until the next one is set."""
        self.mood, self.times, self.at = mood, times, at

    def _mood_at(self, stage: str) -> str:
        if self.mood == "accept" or stage != self.at:
            return "accept"
        mood = self.mood
        if self.times is not None:
            self.times -= 1
            if self.times <= 0:
                self.set_mood("accept")
        return mood

    async def _answer(self, stage: str) -> str | None:
        mood = self._mood_at(stage)
        if mood == "refuse_4xx":
            return "451 4.3.0 Try again later"
        if mood == "refuse_5xx":
            return "550 5.1.1 No such mailbox here"
        if mood == "hang":
            await asyncio.Event().wait()  # until the sender gives up: its leaving cancels this
        return None

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if refusal := await self._answer("mail"):
            return refusal
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if refusal := await self._answer("rcpt"):
            return refusal
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        takes_it = self.mood in {"cut_after_data", "accept_then_hang"}
        mood = self._mood_at("data") if takes_it else "accept"
        if refusal := None if takes_it else await self._answer("data"):
            return refusal
        raw = envelope.original_content or b""
        mail = self.mailbox.add(raw, sender=envelope.mail_from or "", recipients=list(envelope.rcpt_tos))
        if mood == "accept":
            if self.returns is not None:
                self.returns.consider(raw, recipients=mail.recipients)
            return f"250 2.0.0 Ok: queued as {mail.id}"
        # Taken, but the sender does not hear it: what a network fault at the worst moment looks like.
        if mood == "cut_after_data" and isinstance(server.transport, asyncio.WriteTransport):
            server.transport.abort()
        await asyncio.Event().wait()
        raise AssertionError("nobody rings this event")
