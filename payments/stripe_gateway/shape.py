"""What every shape of Stripe's is built on."""

from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict


def _id_of(value: Any) -> Any:
    """An expandable field holds an id, or the object itself when somebody expanded it."""
    return value.get("id") if isinstance(value, dict) else value


Expandable = Annotated[str, BeforeValidator(_id_of)]


class Shape(BaseModel):
    """The base of everything read from Stripe: frozen, and blind to what it does not name."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Changing(Shape):
    """A shape that must know what an event changed of its object."""

    previous: dict[str, Any] = {}
    """Stripe's `previous_attributes`; empty for an object that was fetched."""


ShapeT = TypeVar("ShapeT", bound=Shape)
