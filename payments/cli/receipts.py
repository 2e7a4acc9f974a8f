"""`almoner receipts`: the register, what is due, and what a person does about one receipt."""

from pathlib import Path
from typing import Annotated, Any

import typer
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.cli import korea, yearly
from payments.cli.acting import As, Why, acting
from payments.cli.printing import AsJson, console, instant, print_facts, print_json, print_table
from payments.database import transaction
from payments.money import Money
from payments.receipts import corrections, countries, previews, register, statements
from payments.receipts.models import (
    DueDocument,
    DueReceipt,
    DueStatement,
    GivingStatement,
    Receipt,
    ReceiptDocument,
)
from payments.staff.models import AuditEntry, StaffMember

app = typer.Typer(no_args_is_help=True, help="The receipt book.")


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
            "void_reason": r.void_reason,
        }
        for r in receipts
    ]
    if as_json:
        print_json(rows)
        return
    print_table(
        "Receipts",
        ["number", "status", "gift date", "issued", ">amount", "gift", "void because"],
        [
            (
                r.number,
                r.status,
                r.gift_date,
                instant(r.issued_at),
                Money(r.amount, r.currency).format("en"),
                r.donation_id,
                r.void_reason,
            )
            for r in receipts
        ],
    )


@app.command("due")
def due(as_json: AsJson = False) -> None:
    """Gifts without their receipt, receipts without their page, void statements without another; and why."""
    with transaction() as session:
        waiting = session.scalars(select(DueReceipt).order_by(DueReceipt.due_at)).all()
        unset = session.execute(
            select(Receipt.number, Receipt.donation_id, DueDocument)
            .join(DueDocument, DueDocument.receipt_id == Receipt.id)
            .order_by(DueDocument.due_at, Receipt.number)
        ).all()
        unstated = session.execute(
            select(GivingStatement.number, GivingStatement.donor_id, GivingStatement.status, DueStatement)
            .join(DueStatement, DueStatement.statement_id == GivingStatement.id)
            .order_by(DueStatement.due_at, GivingStatement.number)
        ).all()
    rows: list[tuple[str, str, str | None, DueReceipt | DueDocument | DueStatement]] = [
        *(("receipt", row.donation_id, None, row) for row in waiting),
        *(("page", donation_id, number, row) for number, donation_id, row in unset),
        *(
            ("statement in its place" if status == "void" else "page of the statement", donor_id, number, row)
            for number, donor_id, status, row in unstated
        ),
    ]
    if as_json:
        print_json(
            [
                {
                    "waits_for": what,
                    "of": subject,
                    "number": number,
                    "due_at": row.due_at,
                    "attempts": row.attempts,
                    "reason": row.last_error,
                }
                for what, subject, number, row in rows
            ]
        )
        return
    print_table(
        "Due receipts",
        ["gift or donor", "waits for its", "number", "due since", ">tries", "reason"],
        [
            (subject, what, number, instant(row.due_at), row.attempts, row.last_error)
            for what, subject, number, row in rows
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
    rows += [
        {
            "country": country.jurisdiction,
            "code": f"declaration: {declaration['code']}",
            "version": declaration["version"],
            "is_tax_receipt": False,
            "source": declaration["source"],
            "to_confirm": declaration.get("to_confirm"),
        }
        for country in countries.COUNTRIES.values()
        for declaration in country.declarations
    ]
    if as_json:
        print_json(rows)
        return
    print_table(
        "Country packs",
        ["country", "sentence", ">version", "still to confirm"],
        [(row["country"], row["code"], row["version"], row["to_confirm"]) for row in rows],
    )


@app.command("show")
def show(number: str, as_json: AsJson = False) -> None:
    """One receipt: what it says, whether it counts, its page, its mails, and what people did with it."""
    with transaction() as session:
        receipt = corrections.find(session, number)
        story = _story(session, receipt)
    if as_json:
        print_json(story)
        return
    print_facts(
        f"Receipt {receipt.number}",
        [
            ("status", receipt.status),
            ("gift", receipt.donation_id),
            ("gift date", receipt.gift_date),
            ("amount", Money(receipt.amount, receipt.currency).format("en")),
            ("issued", instant(receipt.issued_at)),
            ("replaces", story["replaces"]),
            ("replaced by", story["replaced_by"]),
            ("void since", instant(receipt.voided_at)),
            ("because", receipt.void_reason),
            ("by", story["voided_by"]),
            ("page", story["pdf_sha256"] or "still to be set"),
        ],
    )
    print_table(
        "Mails",
        ["mail", "status", "queued", "sent", "answer"],
        [
            (mail["id"], mail["status"], instant(mail["queued_at"]), instant(mail["sent_at"]), mail["answer"])
            for mail in story["mails"]
        ],
    )
    if story["deeds"]:
        print_table(
            "What people did",
            ["when", "who", "what", "why"],
            [(instant(deed["at"]), deed["by"], deed["deed"], deed["reason"]) for deed in story["deeds"]],
        )


def _story(session: Session, receipt: Receipt) -> dict[str, Any]:
    mails = register.letters(session, receipt)
    deeds = session.execute(
        select(AuditEntry, StaffMember.email)
        .join(StaffMember, StaffMember.id == AuditEntry.staff_id)
        .where(AuditEntry.subject == receipt.id)
        .order_by(AuditEntry.at)
    )
    return {
        "number": receipt.number,
        "status": receipt.status,
        "donation": receipt.donation_id,
        "kind": receipt.kind,
        "gift_date": receipt.gift_date,
        "issued_at": receipt.issued_at,
        "amount": Money(receipt.amount, receipt.currency),
        "replaces": session.scalar(select(Receipt.number).where(Receipt.id == receipt.replaces_id)),
        "replaced_by": session.scalar(select(Receipt.number).where(Receipt.replaces_id == receipt.id)),
        "void_cause": receipt.void_cause,
        "void_reason": receipt.void_reason,
        "voided_at": receipt.voided_at,
        "voided_by": session.scalar(select(StaffMember.email).where(StaffMember.id == receipt.voided_by)),
        "pdf_sha256": session.scalar(
            select(ReceiptDocument.pdf_sha256).where(ReceiptDocument.receipt_id == receipt.id)
        ),
        "mails": [
            {
                "id": mail.id,
                "reference": mail.reference,
                "status": mail.status,
                "queued_at": mail.queued_at,
                "sent_at": mail.sent_at,
                "answer": mail.last_answer,
            }
            for mail in mails
        ],
        "deeds": [
            {"at": entry.at, "by": email, "deed": entry.deed, "reason": entry.reason, **entry.facts}
            for entry, email in deeds
        ],
    }


@app.command("void")
def void(number: str, as_: As, reason: Why, as_json: AsJson = False) -> None:
    """Take a receipt back: it keeps its number, its donor is told, and none takes its place."""
    with transaction() as session:
        receipt = corrections.void(session, number, by=acting(session, as_), reason=reason)
    if as_json:
        print_json({"number": receipt.number, "status": receipt.status, "voided_at": receipt.voided_at})
        return
    console.print(f"Receipt {receipt.number} is void; a letter tells its donor.", markup=False)


@app.command("replace")
def replace(
    number: str,
    as_: As,
    reason: Why,
    name: Annotated[str | None, typer.Option(help="As it is to stand on the new receipt.")] = None,
    as_json: AsJson = False,
) -> None:
    """Issue another in its place, with the right name; the old one is void."""
    with transaction() as session:
        receipt = corrections.replace(session, number, name=name, by=acting(session, as_), reason=reason)
    if as_json:
        print_json({"number": receipt.number, "replaces": number})
        return
    console.print(f"Receipt {receipt.number} takes the place of {number}.", markup=False)


@app.command("resend")
def resend(
    number: str,
    as_: As,
    to: Annotated[str | None, typer.Option(help="Another address than the donor's.")] = None,
    as_json: AsJson = False,
) -> None:
    """Send the same document once more, as a copy."""
    with transaction() as session:
        mail = corrections.resend(session, number, to=to, by=acting(session, as_))
    if as_json:
        print_json({"number": number, "mail": mail.id})
        return
    console.print(f"A copy of {number} is on its way ({mail.id}).", markup=False)


@app.command("save")
def save(
    number: str,
    to: Annotated[Path, typer.Option(help="Where to write the PDF.")],
    copy: Annotated[bool, typer.Option("--copy", help="A page marked as a copy, not the original.")] = False,
) -> None:
    """Write a receipt's PDF to a file: the very bytes that were sent, or a copy that says so."""
    with transaction() as session:
        receipt = corrections.find(session, number)
        pdf = previews.copy_of(receipt) if copy else corrections.page(session, receipt)
    to.write_bytes(pdf)
    typer.echo(f"{number}: {len(pdf)} bytes written to {to}")


app.add_typer(korea.app, name="korea")
app.command("annual")(yearly.annual_run)
app.command("summary")(yearly.summary)
app.command("tie-out")(yearly.tie_out)
