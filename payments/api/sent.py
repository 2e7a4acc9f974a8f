"""What is sent to us as JSON, read the same way by every resource: an unknown or misspelt field is refused,
not ignored, and so is a text that cannot be written down.
"""

from typing import Any

from pydantic import BaseModel, ConfigDict, field_validator


class Sent(BaseModel):
    """What is sent to us."""

    model_config = ConfigDict(extra="forbid", str_max_length=500)

    @field_validator("*")
    @classmethod
    def _can_be_written_down(cls, value: Any) -> Any:
        # JSON may hold it and PostgreSQL cannot; no name or address has one.
        if isinstance(value, str) and "\0" in value:
            raise ValueError("must not hold a NUL character")
        return value
