"""`almoner sandbox`: the stand-in for Stripe that a demo or a test talks to, moved and asked from here.

It goes over HTTP to whatever STRIPE_API_BASE names, and never to Stripe: live keys are refused here before
anything is sent, and the settings let nobody set an address beside them.
"""

import json
import urllib.error
import urllib.parse
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from payments.cli.printing import AsJson, console, print_facts, print_json
from payments.errors import AlmonerError
from payments.money import Money
from payments.settings import settings

app = typer.Typer(no_args_is_help=True, help="The sandbox that stands in for Stripe.")

# A year of thousands of plans is walked day by day, with the receiver answering on the way.
_PATIENCE = 3600
_Days = Annotated[int | None, typer.Option(min=1, help="So many days.")]
_Months = Annotated[
    int | None, typer.Option(min=1, help="So many months; the 31st stays the month's last day.")
]
_To = Annotated[
    datetime | None,
    typer.Option("--to", formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M"], help="A day or an hour, UTC."),
]


class SandboxNotSet(AlmonerError):
    """This house talks to Stripe itself."""

    def __init__(self) -> None:
        super().__init__(
            "There is no sandbox here: STRIPE_API_BASE is empty, so this house talks to Stripe, whose clock "
            "nobody moves. `./dev demo` starts one with everything around it."
        )


class SandboxRefused(AlmonerError):
    """The sandbox was asked for something it does not do."""


class SandboxUnreachable(AlmonerError):
    """Nobody answers at STRIPE_API_BASE, or not as a sandbox would."""

    def __init__(self, base: str, why: str) -> None:
        super().__init__(f"No sandbox answers at {base} ({why}). Is it running? `./dev demo` starts one.")


class TimeNotSaid(AlmonerError):
    """How far to move was not said, or twice."""

    def __init__(self) -> None:
        super().__init__("Say one of --days 3, --months 1 or --to 2027-03-31.")


@app.command("advance")
def advance(days: _Days = None, months: _Months = None, to: _To = None, as_json: AsJson = False) -> None:
    """Move its clock ahead. Everything that comes due on the way happens at its own time."""
    asked: dict[str, int] = {}
    if days is not None:
        asked["days"] = days
    if months is not None:
        asked["months"] = months
    if to is not None:
        asked["to"] = int(to.replace(tzinfo=UTC).timestamp())
    if len(asked) != 1:
        raise TimeNotSaid
    told = _ask("POST", "advance", asked)
    if as_json:
        print_json(told)
        return
    print_facts("The sandbox's clock was moved", [("It is now", told["date"]), ("Events", told["events"])])
    console.print("What they mean for the gifts is applied as they arrive: `almoner events list --due`.")


@app.command("clock")
def show_clock(as_json: AsJson = False) -> None:
    """What time it is there."""
    told = _ask("GET", "clock")
    if as_json:
        print_json(told)
        return
    now = datetime.fromtimestamp(told["now"], UTC)
    ahead = round(told["offset_seconds"] / 86_400, 1)
    print_facts("The sandbox's clock", [("It is now", now.isoformat()), ("Days ahead", ahead)])


@app.command("report")
def write_report(
    report_type: Annotated[
        str, typer.Argument(metavar="TYPE", help="Such as balance_change_from_activity.itemized.3.")
    ],
    out: Annotated[Path, typer.Option(dir_okay=False, help="Where to write the CSV file.")],
    *,
    first_day: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="First day.")],
    last_day: Annotated[datetime, typer.Option("--to", formats=["%Y-%m-%d"], help="Last day.")],
    time_zone: Annotated[str, typer.Option(help="In which its days begin.")] = "UTC",
    decimal_separator: Annotated[str, typer.Option(help="`point` or `comma`.")] = "point",
) -> None:
    """Write one of Stripe's reports as a file, as if it had been downloaded from the dashboard."""
    zone = ZoneInfo(time_zone)
    wanted = {
        "interval_start": int(first_day.replace(tzinfo=zone).timestamp()),
        "interval_end": int((last_day + timedelta(days=1)).replace(tzinfo=zone).timestamp()),
        "timezone": time_zone,
        "decimal_separator": decimal_separator,
    }
    out.write_bytes(_answer("GET", f"reports/{report_type}?{urllib.parse.urlencode(wanted)}", None))
    console.print(f"Written: {out}", markup=False)


@app.command("payout")
def pay_out(
    currency: Annotated[str, typer.Option(help="Such as usd.")] = "usd", as_json: AsJson = False
) -> None:
    """Let Stripe pay out all that it holds. It is at the bank two working days later: `sandbox advance`."""
    payout = _ask("POST", "payouts", {"currency": currency.lower(), "all": True})
    if as_json:
        print_json(payout)
        return
    amount = Money(payout["amount"], payout["currency"])
    arrives = datetime.fromtimestamp(payout["arrival_date"], UTC).date()
    console.print(f"{payout['id']}: {amount.format('en')}, at the bank on {arrives}.", markup=False)


@app.command("bank-statement")
def write_bank_statement(
    out: Annotated[Path, typer.Option(dir_okay=False, help="Where to write the file (CAMT.053).")],
    *,
    first_day: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="First day.")],
    last_day: Annotated[datetime, typer.Option("--to", formats=["%Y-%m-%d"], help="Last day.")],
    currency: Annotated[str, typer.Option(help="Such as usd.")] = "usd",
) -> None:
    """Write what the charity's bank would say of Stripe's payouts, for `almoner bank import`."""
    wanted = urllib.parse.urlencode(
        {"currency": currency.lower(), "from": f"{first_day:%Y-%m-%d}", "to": f"{last_day:%Y-%m-%d}"}
    )
    out.write_bytes(_answer("GET", f"bank_statement?{wanted}", None))
    console.print(f"Written: {out}", markup=False)


def _ask(method: str, door: str, given: dict[str, Any] | None = None) -> dict[str, Any]:
    base = settings().stripe_api_base
    try:
        told = json.loads(_answer(method, door, given))
    except ValueError as trouble:
        raise SandboxUnreachable(base, str(trouble)) from trouble
    if not isinstance(told, dict):
        raise SandboxUnreachable(base, "it did not answer as a sandbox does")
    return told


def _answer(method: str, door: str, given: dict[str, Any] | None) -> bytes:
    base = settings().stripe_api_base
    if settings().is_live or not base:
        raise SandboxNotSet
    body = json.dumps(given).encode() if given is not None else None
    request = urllib.request.Request(f"{base}/_sandbox/{door}", body, method=method)  # noqa: S310 - http(s) by the settings
    try:
        with urllib.request.urlopen(request, timeout=_PATIENCE) as answer:  # noqa: S310
            return bytes(answer.read())
    except urllib.error.HTTPError as refusal:
        with refusal:
            raise _refusal(base, refusal) from refusal
    except (OSError, ValueError) as trouble:
        raise SandboxUnreachable(base, str(getattr(trouble, "reason", trouble))) from trouble


def _refusal(base: str, refusal: urllib.error.HTTPError) -> AlmonerError:
    try:
        return SandboxRefused(str(json.load(refusal)["error"]["message"]))
    except (ValueError, KeyError, TypeError):
        return SandboxUnreachable(base, f"it answered {refusal.code}")
