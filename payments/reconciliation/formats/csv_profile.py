"""How one bank writes its CSV, said once by a person and kept with the account.

No two banks agree on delimiter, encoding, columns, dates, decimal signs or on which side is minus, and
none can be guessed without sometimes being wrong by a factor of a thousand. `docs/finance.md` explains
the fields, which a TOML file gives.
"""

import codecs
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from payments.errors import AlmonerError

Column = Annotated[str, StringConstraints(min_length=1)] | Annotated[int, Field(ge=1)]
"""A heading, or a place counted from 1."""

_DATE_PARTS = {"YYYY": "%Y", "YY": "%y", "MM": "%m", "DD": "%d", "hh": "%H", "mm": "%M", "ss": "%S"}


class ProfileWrong(AlmonerError):
    """A profile that cannot be followed; the sentence names the field."""


class Profile(BaseModel):
    """One bank's way of writing."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    delimiter: Literal[",", ";", "\t", "|"] = ","
    encoding: str = "utf-8"
    header_row: int = Field(default=1, ge=0, le=100)
    """The row of the headings, counted from 1; what stands above is the bank's letterhead. 0: none."""
    date: Column
    date_format: str = "YYYY-MM-DD"
    value_date: Column | None = None
    amount: Column | None = None
    """One signed column; or else `money_in` and `money_out`."""
    money_in: Column | None = None
    money_out: Column | None = None
    money_out_is_negative: bool = False
    """Whether the column of what went out writes a minus."""
    decimal: Literal[".", ","] = "."
    grouping: Literal[",", ".", "'", " ", ""] = ""
    sign: Literal["as written", "turned round"] = "as written"
    """Turned round where a plus means that money went out, as on cards."""
    direction: Column | None = None
    """A column of words that tell which way an unsigned amount went."""
    direction_out: tuple[str, ...] = ()
    direction_in: tuple[str, ...] = ()
    balance: Column | None = None
    currency: Column | None = None
    reference: Column | None = None
    payment_reference: Column | None = None
    counterparty: Column | None = None
    text: tuple[Column, ...] = ()

    @model_validator(mode="after")
    def _is_followable(self) -> Self:
        try:
            codecs.lookup(self.encoding)
        except LookupError:
            raise ValueError(f"encoding: {self.encoding} is unknown; try utf-8, cp1252 or cp949") from None
        if (self.amount is None) == (self.money_in is None or self.money_out is None):
            raise ValueError("name either amount, or both money_in and money_out")
        if self.decimal == self.grouping:
            raise ValueError("decimal and grouping cannot be the same sign")
        if (self.direction is not None) != bool(self.direction_in and self.direction_out):
            raise ValueError("direction needs the words of direction_in and of direction_out")
        if self.direction is not None and self.amount is None:
            raise ValueError("direction goes with one amount column")
        if self.header_row == 0 and any(isinstance(column, str) for column in self.columns):
            raise ValueError("without a header_row the columns are numbers")
        _ = self.strptime
        return self

    @property
    def columns(self) -> list[Column]:
        """Every column that is read."""
        said = (
            *(self.date, self.value_date, self.amount, self.money_in, self.money_out, self.direction),
            *(self.balance, self.currency, self.reference, self.payment_reference, self.counterparty),
        )
        return [*(column for column in said if column is not None), *self.text]

    @property
    def strptime(self) -> str:
        """The date's form as Python reads it."""
        parts = re.split("(YYYY|YY|MM|DD|hh|mm|ss)", self.date_format)
        if not {"MM", "DD"} <= set(parts) or not {"YYYY", "YY"} & set(parts):
            raise ValueError("date_format is written like YYYY-MM-DD or DD.MM.YYYY hh:mm:ss")
        return "".join(_DATE_PARTS.get(part, part.replace("%", "%%")) for part in parts)


def profile_of(document: Mapping[str, Any]) -> Profile:
    """A profile as a person wrote it, or `ProfileWrong`."""
    try:
        return Profile.model_validate(document)
    except ValidationError as refusal:
        fault = refusal.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(step) for step in fault["loc"][:1])
        raise ProfileWrong(f"The CSV profile: {where}{': ' if where else ''}{fault['msg']}.") from None
