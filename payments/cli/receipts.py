"""`almoner receipts`: the register, the due ones, and a receipt's document."""

from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import select

from payments.cli.printing import AsJson, instant, print_json, print_table
from payments.database import transaction
from payments.errors import AlmonerError
from payments.money import Money
from payments.receipts.models import DueReceipt, Receipt, ReceiptDocument

app = typer.Typer(no_args_is_help=True, help="The receipt book.")


class ReceiptNotFound(AlmonerError):
    """No receipt has this number."""

    def __init__(self, number: str) -> None:
        super().__init__(f"There is no receipt {number}. `almoner receipts list` shows the register.")


@app.command("list")
def list_receipts(
    as_json: AsJson = False, limit: Annotated[int, typer.Option(min=1, max=10_000)] = 20
) -> None:
    """The register, newest first."""
    with transaction() as session:
        receipts = session.scalars(select(Receipt).order_by(Receipt.issued_at.desc()).limit(limit)).all()
    rows = [
        {
            "number": r.number,
            "status": r.status,
            "gift_date": r.gift_date,
            "issued_at": r.issued_at,
            "amount": Money(r.amount, r.currency),
            "donation": r.donation_id,
        }
        for r in receipts
    ]
    if as_json:
        print_json(rows)
        return
    print_table(
        "Receipts",
        ["number", "status", "gift date", "issued", ">amount", "gift"],
        [
            (
                r.number,
                r.status,
                r.gift_date,
                instant(r.issued_at),
                Money(r.amount, r.currency).format("en"),
                r.donation_id,
            )
            for r in receipts
        ],
    )


@app.command("due")
def due(as_json: AsJson = False) -> None:
    """Paid gifts without their receipt, and why."""
    with transaction() as session:
        rows = session.scalars(select(DueReceipt).order_by(DueReceipt.due_at)).all()
    if as_json:
        print_json(
            [
                {
                    "donation": r.donation_id,
                    "due_at": r.due_at,
                    "attempts": r.attempts,
                    "reason": r.last_error,
                }
                for r in rows
            ]
        )
        return
    print_table(
        "Due receipts",
        ["gift", "due since", ">tries", "reason"],
        [(r.donation_id, instant(r.due_at), r.attempts, r.last_error) for r in rows],
    )


@app.command("save")
def save(number: str, to: Annotated[Path, typer.Option(help="Where to write the PDF.")]) -> None:
    """Write a receipt's PDF to a file: the very bytes that were sent."""
    with transaction() as session:
        pdf = session.scalar(
            select(ReceiptDocument.pdf)
            .join(Receipt, Receipt.id == ReceiptDocument.receipt_id)
            .where(Receipt.number == number)
        )
    if pdf is None:
        raise ReceiptNotFound(number)
    to.write_bytes(pdf)
    typer.echo(f"{number}: {len(pdf)} bytes written to {to}")
