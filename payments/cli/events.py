"""`almoner events`: what Stripe said, what is still to do about it, and doing it again."""

import json
from typing import Annotated, Any

import typer
from sqlalchemy import Row, Select, func, select, update
from sqlalchemy.dialects.postgresql import insert

from payments.cli.printing import AsJson, console, instant, print_facts, print_json, print_table
from payments.database import transaction
from payments.errors import AlmonerError
from payments.jobs import Bell, ring
from payments.webhooks.models import QueuedEvent, StripeEvent

app = typer.Typer(no_args_is_help=True, help="Stripe's events.")


class EventNotFound(AlmonerError):
    """The inbox holds no such event."""

    def __init__(self, stripe_event_id: str) -> None:
        super().__init__(
            f"There is no event {stripe_event_id} in the inbox. `almoner events list` shows the latest."
        )


def _events() -> Select[StripeEvent, QueuedEvent]:
    return select(StripeEvent, QueuedEvent).outerjoin(
        QueuedEvent, QueuedEvent.stripe_event_id == StripeEvent.stripe_event_id
    )


def _state(queued: QueuedEvent | None) -> str:
    if queued is None:
        return "done"
    return "parked" if queued.parked_reason else "due"


def _shown(row: Row[StripeEvent, QueuedEvent]) -> dict[str, Any]:
    event, queued = row
    return {
        "id": event.stripe_event_id,
        "type": event.type,
        "object": event.object_id,
        "source": event.source,
        "state": _state(queued),
        "received_at": event.received_at,
        "attempts": queued.attempts if queued else None,
        "reason": (queued.parked_reason or queued.last_error) if queued else None,
    }


@app.command("list")
def list_events(
    as_json: AsJson = False,
    parked: Annotated[bool, typer.Option("--parked", help="Only those that wait for a person.")] = False,
    due: Annotated[bool, typer.Option("--due", help="Only those still to be applied.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 20,
) -> None:
    """The latest events, newest first."""
    wanted = _events().order_by(StripeEvent.received_at.desc()).limit(limit)
    if parked:
        wanted = wanted.where(QueuedEvent.parked_reason.is_not(None))
    if due:
        wanted = wanted.where(QueuedEvent.stripe_event_id.is_not(None), QueuedEvent.parked_reason.is_(None))
    with transaction() as session:
        rows = [_shown(row) for row in session.execute(wanted)]
    if as_json:
        print_json(rows)
        return
    print_table(
        "Events",
        ["id", "type", "state", "received", "reason"],
        [(r["id"], r["type"], r["state"], instant(r["received_at"]), r["reason"]) for r in rows],
    )


@app.command("show")
def show(
    stripe_event_id: str,
    as_json: AsJson = False,
    body: Annotated[
        bool, typer.Option("--body", help="Print the stored body too: it may name a donor.")
    ] = False,
) -> None:
    """One event: where it stands and, if asked for, its body as it was signed."""
    with transaction() as session:
        row = session.execute(_events().where(StripeEvent.stripe_event_id == stripe_event_id)).one_or_none()
    if row is None:
        raise EventNotFound(stripe_event_id)
    shown = _shown(row)
    if body:
        shown["body"] = row[0].body.decode("utf-8", "replace")
    if as_json:
        print_json(shown)
        return
    shown["received_at"] = instant(shown["received_at"])
    text = shown.pop("body", None)
    print_facts(f"Event {shown.pop('id')}", list(shown.items()))
    if text is not None:
        console.print_json(text) if _is_json(text) else console.print(text, markup=False)


@app.command("replay")
def replay(
    stripe_event_ids: Annotated[list[str] | None, typer.Argument()] = None,
    all_parked: Annotated[bool, typer.Option("--all-parked", help="Every parked event.")] = False,
) -> None:
    """Apply events again: parked ones after their cause is mended, done ones to no effect."""
    if not stripe_event_ids and not all_parked:
        raise typer.BadParameter("name the events to replay, or say --all-parked")
    with transaction() as session:
        named = stripe_event_ids or []
        known = session.scalars(
            select(StripeEvent.stripe_event_id).where(StripeEvent.stripe_event_id.in_(named))
        ).all()
        for stripe_event_id in named:
            if stripe_event_id not in known:
                raise EventNotFound(stripe_event_id)
        if named:
            again = insert(QueuedEvent).values([{"stripe_event_id": each} for each in named])
            session.execute(again.on_conflict_do_nothing())
        due_now = update(QueuedEvent).values(
            parked_reason=None, parked_at=None, last_error=None, attempts=0, next_at=func.now()
        )
        count = 0
        if named:
            count += len(
                session.scalars(
                    due_now.where(QueuedEvent.stripe_event_id.in_(named)).returning(
                        QueuedEvent.stripe_event_id
                    )
                ).all()
            )
        if all_parked:
            count += len(
                session.scalars(
                    due_now.where(QueuedEvent.parked_reason.is_not(None)).returning(
                        QueuedEvent.stripe_event_id
                    )
                ).all()
            )
        ring(session, Bell.APPLY_EVENTS)
    typer.echo(f"{count} event{'' if count == 1 else 's'} will be applied again within seconds.")


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
