"""What a person does about an issued receipt, and that it leaves the old one as it was."""

from email import message_from_bytes, policy

import pytest
from sqlalchemy import select, text
from typer.testing import CliRunner

from payments.cli import app
from payments.database import transaction
from payments.mail import reports
from payments.mail.models import MailStatus, OutgoingMail
from payments.mail.reports import Report, ReportKind
from payments.receipts import corrections, previews
from payments.receipts.corrections import CorrectionRefused, IsVoid, NothingLeft, ReceiptNotFound
from payments.receipts.models import Receipt, ReceiptDocument
from payments.receipts.previews import NothingToDraw
from payments.staff.models import AuditEntry, Role, StaffMember
from payments.staff.people import NotAllowed
from payments.supporters import donors
from payments.supporters.donors import EmailRefused
from tests.money_moves.conftest import Charity
from tests.receipts.register import GIVEN, a_person, letters, register, settle_the_register, words_in
from tests.receipts.test_issue import words_of


def test_a_right_name_is_put_on_a_new_receipt_that_cites_the_old_one(
    charity: Charity, finn: StaffMember
) -> None:
    _, charge = charity.paid_gift(*GIVEN, name="Ada Prak")
    charity.hears()
    settle_the_register()

    with transaction() as session:
        made = corrections.replace(
            session, "US-2026-000001", name="  Ada   Park ", by=finn, reason="mistyped"
        )
    settle_the_register()
    charity.stripe.refund(charge, 1000)
    charity.hears()
    settle_the_register()

    with transaction() as session:
        page = words_of(session, made.number)
        after_refund = words_of(session, "US-2026-000003")
        [noted] = session.scalars(select(AuditEntry).where(AuditEntry.deed == "receipt.replace"))
    assert made.number == "US-2026-000002"
    assert "Ada Park" in page
    assert "cancels and replaces receipt US-2026-000001" in page
    assert "Ada Park" in after_refund
    assert register()[0] == ("1", "void", 5000, "corrected")
    assert (noted.staff_id, noted.reason) == (finn.id, "mistyped")
    assert "Ada" not in str(noted.facts)


def test_one_voided_by_hand_stays_void_until_a_person_replaces_it(
    charity: Charity, finn: StaffMember
) -> None:
    _, charge = charity.paid_gift(*GIVEN)
    charity.hears()
    settle_the_register()
    with transaction() as session:
        corrections.void(session, "US-2026-000001", by=finn, reason="the donor asked for none")
    charity.stripe.refund(charge, 1000)
    charity.hears()
    settle_the_register()
    stayed = register()

    with transaction() as session:
        corrections.replace(session, "US-2026-000001", by=finn, reason="wants it after all")

    assert stayed == [("1", "void", 5000, "by_hand")]
    assert "We have withdrawn receipt US-2026-000001" in words_in(letters("void")[0])
    assert register() == [("1", "void", 5000, "by_hand"), ("2", "issued", 4000, None)]


def test_a_copy_is_the_same_document_and_says_that_it_is_a_copy(charity: Charity, finn: StaffMember) -> None:
    charity.paid_gift(*GIVEN)
    charity.hears()
    settle_the_register()

    with transaction() as session:
        corrections.resend(session, "US-2026-000001", by=finn)
        corrections.resend(session, "US-2026-000001", to="ada@new.example", by=finn)

    first, second = sorted(letters("copy"), key=lambda mail: mail.reference)
    attached = [
        part.get_content()
        for part in message_from_bytes(second.message, policy=policy.default).iter_attachments()
    ]
    with transaction() as session:
        page = session.scalars(select(ReceiptDocument.pdf)).one()
        deeds = session.scalars(select(AuditEntry.deed).where(AuditEntry.staff_id == finn.id)).all()
    assert (first.to_address, second.to_address) == ("ada@example.com", "ada@new.example")
    assert attached == [page]
    assert "Here is a copy of receipt US-2026-000001" in words_in(second)
    assert "claim it only once" in words_in(second)
    assert list(deeds) == ["receipt.resend", "receipt.resend"]


def test_what_is_void_is_neither_voided_nor_replaced_nor_sent_again(
    charity: Charity, finn: StaffMember
) -> None:
    _, charge = charity.paid_gift(*GIVEN)
    charity.hears()
    settle_the_register()
    charity.stripe.refund(charge, 5000)
    charity.hears()
    settle_the_register()

    for deed in (
        lambda session: corrections.void(session, "US-2026-000001", by=finn, reason="again"),
        lambda session: corrections.replace(session, "US-2026-000001", by=finn, reason="again"),
        lambda session: corrections.resend(session, "US-2026-000001", by=finn),
    ):
        with pytest.raises(IsVoid, match="refunded"), transaction() as session:
            deed(session)
    with pytest.raises(ReceiptNotFound), transaction() as session:
        corrections.void(session, "US-2026-000009", by=finn, reason="a guess")


def test_a_receipt_of_a_gift_of_which_nothing_is_left_is_not_replaced(
    charity: Charity, finn: StaffMember
) -> None:
    _, charge = charity.paid_gift(*GIVEN)
    charity.hears()
    settle_the_register()
    with transaction() as session:
        corrections.void(session, "US-2026-000001", by=finn, reason="wrong")
    charity.stripe.refund(charge, 5000)
    charity.hears()

    with pytest.raises(NothingLeft), transaction() as session:
        corrections.replace(session, "US-2026-000001", by=finn, reason="again")


def test_no_draft_is_drawn_of_what_is_never_issued(charity: Charity) -> None:
    gift, charge = charity.paid_gift(*GIVEN)
    charity.hears()
    with transaction() as session:
        drawn = previews.of_gift(session, gift.id)
        session.execute(text("update donations set channel = 'adopted'"))
    with pytest.raises(NothingToDraw, match="Another platform"), transaction() as session:
        previews.of_gift(session, gift.id)
    with transaction() as session:
        session.execute(text("update donations set channel = 'online'"))
    charity.stripe.refund(charge, 5000)
    charity.hears()

    with pytest.raises(NothingToDraw, match="Nothing is left"), transaction() as session:
        previews.of_gift(session, gift.id)

    assert drawn.pdf.startswith(b"%PDF")


def test_only_those_whose_work_it_is_correct_a_receipt(charity: Charity) -> None:
    charity.paid_gift(*GIVEN)
    charity.hears()
    settle_the_register()
    vera, sue = a_person("vera", Role.VIEWER), a_person("sue", Role.SUPPORT)

    with pytest.raises(NotAllowed), transaction() as session:
        corrections.void(session, "US-2026-000001", by=sue, reason="x")
    with pytest.raises(NotAllowed), transaction() as session:
        corrections.replace(session, "US-2026-000001", name="Ada", by=vera, reason="x")
    with pytest.raises(CorrectionRefused, match="letters"), transaction() as session:
        corrections.replace(session, "US-2026-000001", name=" ", by=sue, reason="x")
    assert register() == [("1", "issued", 5000, None)]


def test_a_person_at_the_terminal_sees_the_whole_life_of_a_receipt(
    charity: Charity, finn: StaffMember
) -> None:
    charity.paid_gift(*GIVEN, name="Ada Prak")
    charity.hears()
    settle_the_register()

    def types(*words: str) -> str:
        run = CliRunner().invoke(app, ["receipts", *words])
        assert run.exit_code == 0, run.output or run.exception
        return run.output

    finns = ("--as", "finn@lp.example")
    replaced = types("replace", "US-2026-000001", "--name", "Ada Park", "--reason", "mistyped", *finns)
    settle_the_register()
    types("resend", "US-2026-000002", *finns)
    shown = types("show", "US-2026-000002")
    voided = types("void", "US-2026-000002", "--reason", "given twice", *finns)
    listed = types("list")

    assert "US-2026-000002 takes the place of US-2026-000001" in replaced
    assert "US-2026-000001" in shown
    assert "receipt.resend" in shown
    assert "is void" in voided
    assert "given twice" in listed


def test_a_refused_letter_is_sent_again_to_the_right_address(charity: Charity, finn: StaffMember) -> None:
    charity.paid_gift(*GIVEN)
    charity.hears()
    settle_the_register()
    with transaction() as session:
        mail = session.scalars(select(OutgoingMail)).one()
        mail.status, mail.last_answer = MailStatus.REFUSED, "550"
    finns = ("--reason", "a letter was missing", "--as", "finn@lp.example")

    run = CliRunner().invoke(app, ["mail", "resend", mail.id, "--to", "ada@right.example", *finns])

    [again] = letters("receipt")
    read = message_from_bytes(again.message, policy=policy.default)
    assert run.exit_code == 0, run.output or run.exception
    assert (again.status, again.to_address, again.attempts) == ("queued", "ada@right.example", 0)
    assert (read["To"], read["Message-ID"]) == ("ada@right.example", mail.message_id)
    assert words_in(again) == words_in(mail)


def test_a_letter_that_came_back_is_seen_and_let_go_by_a_person_with_a_reason(
    charity: Charity, finn: StaffMember
) -> None:
    charity.paid_gift(*GIVEN)
    charity.hears()
    settle_the_register()
    with transaction() as session:
        mail = session.scalars(select(OutgoingMail)).one()
        for kind in ReportKind:
            reports.take_in(
                session,
                Report(
                    kind=kind,
                    message_id=mail.message_id,
                    to_address=mail.to_address,
                    code="5.1.1" if kind is ReportKind.BOUNCED else "abuse",
                    source="mailbox",
                    key=kind.value,
                ),
            )

    def run(*words: str) -> str:
        done = CliRunner().invoke(app, ["mail", *words])
        assert done.exit_code == 0, done.output or done.exception
        return done.output

    before, complaints = run("list", "--json"), run("complaints", "--json")
    let_go = run("let-go", mail.id, "--reason", "sent by post", "--as", "finn@lp.example", "--json")

    assert '"bounced"' in before
    assert '"5.1.1"' in before
    assert '"abuse"' in complaints
    assert '"let_go"' in let_go
    assert run("list", "--json").strip() == "[]"
    with transaction() as session:
        assert session.scalars(select(AuditEntry.reason)).all() == ["sent by post"]


def test_a_donors_corrected_address_gets_the_letters_from_then_on(
    charity: Charity, finn: StaffMember
) -> None:
    gift, _ = charity.paid_gift(*GIVEN)
    charity.hears()
    settle_the_register()
    before = letters("receipt")[0].to_address
    finns = ("--reason", "she wrote to us", "--as", "finn@lp.example")

    nonsense = CliRunner().invoke(app, ["donors", "email", gift.donor_id, "ada at home", *finns])
    run = CliRunner().invoke(app, ["donors", "email", gift.donor_id, "ada@right.example", *finns])
    with transaction() as session:
        number = session.scalars(select(Receipt.number)).one()
        copy = corrections.resend(session, number, by=finn)

    assert isinstance(nonsense.exception, EmailRefused)
    assert run.exit_code == 0, run.output or run.exception
    assert before != "ada@right.example"
    assert (letters("receipt")[0].to_address, copy.to_address) == (before, "ada@right.example")
    with transaction() as session:
        entry = session.scalars(select(AuditEntry).where(AuditEntry.deed == "donors.email")).one()
        assert "right.example" not in f"{entry.reason} {entry.facts}"


def test_an_address_that_another_donor_has_is_not_given_away(charity: Charity, finn: StaffMember) -> None:
    gift, _ = charity.paid_gift(*GIVEN)
    with transaction() as session:
        another = donors.recognise(session, email="Ben@example.com", name="Ben", locale="en")

    with pytest.raises(EmailRefused, match=another), transaction() as session:
        donors.correct_email(session, gift.donor_id, "ben@example.com", by=finn, reason="a mistake")
