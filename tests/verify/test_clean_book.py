"""A book in order is found in order."""

from payments.verify.run import snapshot
from tests.verify.conftest import Seeded, everything_found, told


def test_a_book_with_every_kind_of_movement_raises_no_alarm(seeded: Seeded) -> None:
    assert not seeded.book.waiting

    with snapshot(seeded.url) as connection:
        found = everything_found(connection)

    assert not found, told(found)
