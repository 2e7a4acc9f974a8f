"""Where mail can go."""

from email_validator import EmailNotValidError, validate_email


def fit(typed: str) -> str | None:
    """The address as every mail server takes it, though its domain may have been typed in any letters; None
    where no mail can go. Whether somebody is there is not asked."""
    try:
        return validate_email(typed.strip(), check_deliverability=False, allow_smtputf8=False).ascii_email
    except EmailNotValidError:
        return None
