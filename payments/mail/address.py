"""Where mail can go, and where none ever does."""

from email_validator import EmailNotValidError, validate_email

NOWHERE = "@erased.invalid"
"""The domain `.invalid` is nobody's for ever (RFC 2606)."""


def nowhere(donor_id: str) -> str:
    """The address of a donor who was erased: every column that wants one still has one."""
    return f"{donor_id}{NOWHERE}"


def is_nowhere(address: str) -> bool:
    """Whether this is the address of nobody any more."""
    return address.endswith(NOWHERE)


def fit(typed: str) -> str | None:
    """The address as every mail server takes it, though its domain may have been typed in any letters; None
    where no mail can go. Whether somebody is there is not asked."""
    try:
        return validate_email(typed.strip(), check_deliverability=False, allow_smtputf8=False).ascii_email
    except EmailNotValidError:
        return None
