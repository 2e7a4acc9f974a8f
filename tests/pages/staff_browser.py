"""Somebody of the staff before a browser: invited, welcomed, signed in, with an authenticator app at hand."""

import re
from dataclasses import dataclass, field

from fastapi.testclient import TestClient
from httpx2 import Response

from payments.database import transaction
from payments.staff import links, people
from payments.staff.models import StaffMember
from tests.pages.conftest import browser
from tests.staff.app import code_of, secret_on

PASSWORD = "four lanterns on the road"  # noqa: S105 - of nobody's
HOUSE = "http://127.0.0.1:8000"


@dataclass
class Person:
    """Who it is, with what they know, what they hold, and their browser."""

    email: str
    client: TestClient = field(default_factory=browser)
    password: str = PASSWORD
    secret: str = ""
    recovery: list[str] = field(default_factory=list)
    _half_minutes: int = 0

    def code(self) -> str:
        """A code that was not taken yet: of the half minute before, of this one, of the next, as a person
        waits for. The welcome takes the first."""
        self._half_minutes += 1
        return code_of(self.secret, half_minutes=self._half_minutes - 2)

    def signs_in(self, code: str | None = None, *, password: str | None = None, **also: str) -> Response:
        """Sends the form."""
        typed = {"email": self.email, "password": password or self.password, "code": code or self.code()}
        return self.client.post("/console/sign-in", data=typed | also)

    def is_in(self) -> bool:
        """Whether the console opens."""
        return self.client.get("/console/account").status_code == 200


def invited(person: StaffMember, by: StaffMember) -> str:
    """The path of an invitation."""
    with transaction() as session:
        return links.invite(session, people.find(session, person.email), by=by).removeprefix(HOUSE)


def welcomed(person: StaffMember, by: StaffMember) -> Person:
    """All the way from the invitation to the console."""
    them = Person(person.email)
    them.client.post(invited(person, by))
    them.client.post("/console/welcome", data={"new_password": PASSWORD, "again": PASSWORD})
    them.secret = secret_on(them.client.get("/console/welcome").text)
    shown = them.client.post("/console/welcome", data={"code": them.code()})
    them.recovery = re.findall(r"<code>(\w{5}-\w{5})</code>", shown.text)
    assert them.recovery, shown.text
    return them
