"""`almoner receipts`: the register, the due ones, and a receipt's document."""

from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import select

from payments.cli.printing import AsJson, instant, print_json, print_table
from payments.database import transaction
from payments.errors import AlmonerError
from payments.money import Money
from payments.receipts import previews, statements
from payments.receipts.models import DueDocument, DueReceipt, Receipt, ReceiptDocument

app = typer.Typer(no_args_is_help=True, help="The receipt book.")


class ReceiptNotFound(AlmonerError):
    """No receipt has this number."""

    def __init__(self, number: str) -> None:
        super().__init__(f"There is no receipt {number}. `almoner receipts list` shows the register.")


class PageNotWritten(AlmonerError):
    """The number is given, its page is not set yet."""

    def __init__(self, number: str) -> None:
        super().__init__(f"The page of {number} is still to be set; `almoner receipts due` says why.")


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
    """Paid gifts without their receipt, receipts without their page, and why."""
    with transaction() as session:
        waiting = session.scalars(select(DueReceipt).order_by(DueReceipt.due_at)).all()
        unset = session.execute(
            select(Receipt.number, Receipt.donation_id, DueDocument)
            .join(DueDocument, DueDocument.receipt_id == Receipt.id)
            .order_by(DueDocument.due_at, Receipt.number)
        ).all()
    rows: list[tuple[str, str, str | None, DueReceipt | DueDocument]] = [
        *(("receipt", row.donation_id, None, row) for row in waiting),
        *(("page", donation_id, number, row) for number, donation_id, row in unset),
    ]
    if as_json:
        print_json(
            [
                {
                    "waits_for": what,
                    "donation": donation_id,
                    "number": number,
                    "due_at": row.due_at,
                    "attempts": row.attempts,
                    "reason": row.last_error,
                }
                for what, donation_id, number, row in rows
            ]
        )
        return
    print_table(
        "Due receipts",
        ["gift", "waits for its", "number", "due since", ">tries", "reason"],
        [
            (donation_id, what, number, instant(row.due_at), row.attempts, row.last_error)
            for what, donation_id, number, row in rows
        ],
    )


@app.command("preview")
def preview(
    donation: str,
    out: Annotated[Path, typer.Option(help="Where to write the PDF.")],
) -> None:
    """Write the document a gift would get, marked as a draft. No number is taken and nothing is kept."""
    with transaction() as session:
        drawn = previews.of_gift(session, donation)
    out.write_bytes(drawn.pdf)
    typer.echo(f"{drawn.title}: {len(drawn.pdf)} bytes written to {out}")
    for duty in drawn.duties:
        typer.echo(f"  {duty}")


@app.command("packs")
def packs(as_json: AsJson = False) -> None:
    """Every sentence of legal weight, by country, and who must still confirm it."""
    rows = [
        {
            "country": statement.jurisdiction,
            "code": statement.code,
            "version": statement.version,
            "is_tax_receipt": statement.is_tax_receipt,
            "source": statement.source,
            "to_confirm": statement.to_confirm,
        }
        for statement in statements.CATALOGUE
    ]
    if as_json:
        print_json(rows)
        return
    print_table(
        "Country packs",
        ["country", "sentence", ">version", "still to confirm"],
        [(row["country"], row["code"], row["version"], row["to_confirm"]) for row in rows],
    )


@app.command("save")
def save(
    number: str,
    to: Annotated[Path, typer.Option(help="Where to write the PDF.")],
    copy: Annotated[bool, typer.Option("--copy", help="A page marked as a copy, not the original.")] = False,
) -> None:
    """Write a receipt's PDF to a file: the very bytes that were sent, or a copy that says so."""
    with transaction() as session:
        receipt = session.scalar(select(Receipt).where(Receipt.number == number))
        if receipt is None:
            raise ReceiptNotFound(number)
        pdf = session.scalar(select(ReceiptDocument.pdf).where(ReceiptDocument.receipt_id == receipt.id))
        if copy:
            pdf = previews.copy_of(receipt)
    if pdf is None:
        raise PageNotWritten(number)
    to.write_bytes(pdf)
    typer.echo(f"{number}: {len(pdf)} bytes written to {to}")
