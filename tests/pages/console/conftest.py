"""The console as its readers see it: signed in with a browser that runs no scripts."""

from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient

from payments.database import transaction
from payments.staff import people, sessions
from payments.staff.models import Role, StaffMember
from tests.cli.conftest import almoner
from tests.journeys.conftest import _doorstep, front_door, house, post_office, stripe_next_door
from tests.pages.conftest import browser
from tests.reconciliation.conftest import finn, treasury

__all__ = [
    "_doorstep",
    "almoner",
    "finn",
    "front_door",
    "house",
    "post_office",
    "stripe_next_door",
    "treasury",
]

ROLES = {"finn": Role.FINANCE, "vera": Role.VIEWER, "sue": Role.SUPPORT, "abe": Role.APPROVER}


@pytest.fixture
def desk(finn: StaffMember) -> Callable[[str], TestClient]:
    """Somebody's browser, signed in: `desk("vera")`; who is not there yet is added."""

    def opened(who: str) -> TestClient:
        email = f"{who}@example.org"
        with transaction() as session:
            adam = people.find(session, "adam@example.org")
            if email not in {person.email for person in people.everybody(session)}:
                people.add(session, email=email, name=who.title(), roles=[ROLES[who]], by=adam)
            person = people.find(session, email)
            token = sessions.begin(session, person, way="test", browser="", has_second_factor=True)
        signed_in = browser()
        signed_in.cookies.set("almoner-staff", token)
        return signed_in

    return opened
