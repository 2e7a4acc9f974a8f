"""Whatever happens to gifts, in whatever order it is heard: a book that is right raises no alarm."""

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from payments.donations.models import Organisation
from tests.money_moves.test_state_machine import MoneyMoves
from tests.verify.conftest import everything_found, told


class Proved(MoneyMoves):
    """The machine of the money moves; at the end of a history everything is proved."""

    def teardown(self) -> None:
        """What happened in this transaction is asked on its own connection."""
        driver = self.session.connection().connection.driver_connection
        found = everything_found(driver)
        self.session.rollback()
        self.session.close()
        assert not found, told(found)


def test_no_history_raises_a_false_alarm(organisation: Organisation) -> None:
    run_state_machine_as_test(
        Proved,
        settings=settings(
            max_examples=6,
            stateful_step_count=18,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        ),
    )
