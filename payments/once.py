"""What a process makes once and all of its threads share: its settings, its pool, its client of Stripe."""

from collections.abc import Callable
from threading import Lock
from typing import Generic, TypeVar

T = TypeVar("T")


class once(Generic[T]):
    """A function without arguments whose value is made when it is first asked for.

    Under a lock: with `functools.cache`, threads that ask at the same moment each make their own and the
    last to finish stands, even where all was forgotten while it was at work.
    """

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._made: list[T] = []
        self._lock = Lock()
        self.__doc__ = make.__doc__

    def __call__(self) -> T:
        made = self._made
        if made:
            return made[0]
        with self._lock:
            if not self._made:
                self._made = [self._make()]
            return self._made[0]

    def forget(self) -> None:
        """Make it anew for whoever asks next."""
        with self._lock:
            self._made = []
