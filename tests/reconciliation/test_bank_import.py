"""A bank's file comes in whole or not at all, once, and only if it follows from what is known."""

from datetime import date
from hashlib import sha256

import pytest
from sqlalchemy import select

from payments.database import transaction
from payments.donations.models import Donation
from payments.ledger.models import JournalEntry
from payments.reconciliation import bank_accounts, continuity, matching, reconcile
from payments.reconciliation.bank_accounts import BankAccountRefused, BankAccountUnknown
from payments.reconciliation.statements import StatementRefused
from payments.staff.models import AuditEntry, StaffMember
from payments.staff.people import NotAllowed, ReasonMissing, find
from tests.reconciliation.bank_files import mt940, sample
from tests.reconciliation.conftest import open_account
from tests.reconciliation.treasury import Bank

NOV = [date(2026, 11, day) for day in range(1, 30)]
MONDAY = [(5000, "Ada"), (2500, "Ben"), (2500, "Ben")]
TUESDAY = [(-1000, "rent")]
WEDNESDAY = [(700, "Cho")]


def the_first_week() -> tuple[bytes, bytes, bytes]:
    """Three days, each in a file of its own; they tie."""
    return (
        mt940([(NOV[1], MONDAY)], opening=0),
        mt940([(NOV[2], TUESDAY)], opening=10000),
        mt940([(NOV[3], WEDNESDAY)], opening=9000),
    )


def test_a_file_is_kept_byte_for_byte_with_its_lines(bank: Bank):
    file = sample("camt053_v02.xml")

    imported = bank.takes_in(file)

    (row,) = bank.statements
    assert (row.file, row.sha256, row.format) == (file, sha256(file).hexdigest(), "camt053")
    assert (imported.new_lines, imported.known_lines, imported.left_out) == (2, 0, 1)
    assert bank.amounts == [24230, -1250]
    assert bank.lines[0].counterparty == "STRIPE PAYMENTS EUROPE"


def test_the_same_file_again_is_nothing_new_and_says_so(bank: Bank):
    bank.takes_in(sample("camt053_v02.xml"))

    again = bank.takes_in(sample("camt053_v02.xml"))

    assert again.is_known_file
    assert "nothing new" in again.sentence
    assert len(bank.lines) == 2
    assert len(bank.statements) == 1


def test_of_an_overlapping_file_only_the_new_lines_come_in(bank: Bank):
    monday, tuesday, _ = the_first_week()
    bank.takes_in(monday)
    bank.takes_in(tuesday)

    imported = bank.takes_in(mt940([(NOV[1], MONDAY), (NOV[2], TUESDAY), (NOV[3], WEDNESDAY)], opening=0))

    assert (imported.new_lines, imported.known_lines) == (1, 4)
    assert bank.amounts == [5000, 2500, 2500, -1000, 700]
    assert "4 were known already" in imported.sentence


def test_two_equal_lines_on_one_day_are_both_real(bank: Bank):
    bank.takes_in(the_first_week()[0])

    assert bank.amounts.count(2500) == 2
    assert sorted(line.occurrence for line in bank.lines if line.amount == 2500) == [1, 2]


def test_a_third_equal_line_later_that_day_is_new(bank: Bank):
    bank.takes_in(mt940([(NOV[1], MONDAY)], opening=0))

    bank.takes_in(mt940([(NOV[1], [*MONDAY, (2500, "Ben")])], opening=0))

    assert bank.amounts.count(2500) == 3


def test_a_line_is_the_same_however_the_bank_writes_its_words_the_next_time(finn: StaffMember):
    open_account(finn, "checking", currency="usd", csv="american")
    bank = Bank(finn, "checking")
    bank.takes_in(sample("november.ofx"))

    imported = bank.takes_in(sample("november_2.ofx"))

    assert (imported.new_lines, imported.known_lines) == (1, 2)
    assert bank.amounts == [24230, -1250, 2500, 2500, -980]


def test_a_reference_that_the_bank_gives_again_next_month_is_another_line(finn: StaffMember):
    open_account(finn, "checking", currency="usd", csv="american")
    bank = Bank(finn, "checking")
    bank.takes_in(sample("november.ofx"))

    later = sample("november.ofx").replace(b"<DTASOF>20261106", b"<DTASOF>20261109")
    bank.takes_in(later.replace(b"202611", b"202612"), first_day=date(2026, 11, 7))

    assert bank.amounts == [24230, -1250, 2500, 2500] * 2


def test_a_file_may_have_more_lines_than_a_statement_has_parameters(finn: StaffMember):
    open_account(finn, "checking", currency="usd", csv="american")
    bank = Bank(finn, "checking")
    bank.takes_in(sample("american.csv"))
    lines = "".join(f"11/09/2026,GIFT {number},Credit,1.00\n" for number in range(66_000))

    # Each of them is looked up before it is seen that a day is missing, and then none is written.
    with pytest.raises(StatementRefused, match="No file tells of"):
        bank.takes_in(f"Date,Description,Type,Amount\n{lines}".encode())
    with transaction() as session:
        assert matching.said_of(session, [f"bln_{number}" for number in range(66_000)]) == {}


def test_a_missing_day_is_refused_and_named(bank: Bank):
    monday, _, wednesday = the_first_week()
    bank.takes_in(monday)

    with pytest.raises(StatementRefused) as refused:
        bank.takes_in(wednesday)

    assert "ends on 2026-11-02 with EUR 100.00" in str(refused.value)
    assert "begins on 2026-11-04 with EUR 90.00: EUR -10.00 is told by no line" in str(refused.value)
    assert "--accept-gap" in str(refused.value)
    assert len(bank.statements) == 1
    assert len(bank.lines) == 3


def test_a_gap_that_a_person_accepts_is_on_record_and_closes_when_the_day_comes_in(bank: Bank):
    monday, tuesday, wednesday = the_first_week()
    bank.takes_in(monday)

    bank.takes_in(wednesday, gap_reason="the bank sends Tuesday by post")
    with transaction() as session:
        assert continuity.untold(session, "giro") == -1000
    bank.takes_in(tuesday)

    with transaction() as session:
        assert continuity.untold(session, "giro") == 0
    assert [row.gap_reason for row in bank.statements] == [None, None, "the bank sends Tuesday by post"]
    with pytest.raises(ReasonMissing):
        bank.takes_in(mt940([(NOV[9], WEDNESDAY)], opening=0), gap_reason=" ")


def test_files_may_come_in_any_order_as_long_as_they_tie(bank: Bank):
    for file in reversed(the_first_week()[:2]):
        bank.takes_in(file)

    assert bank.amounts == [5000, 2500, 2500, -1000]


def test_several_files_of_one_day_tie_in_whatever_order_they_come(bank: Bank):
    morning = mt940([(NOV[1], [(100, "a")])], opening=0)
    evening = mt940([(NOV[1], [(200, "b")])], opening=100)

    bank.takes_in(evening)
    bank.takes_in(morning)

    assert sorted(bank.amounts) == [100, 200]


def test_a_day_without_movement_needs_no_file(bank: Bank):
    bank.takes_in(mt940([(NOV[1], MONDAY)], opening=0))

    bank.takes_in(mt940([(NOV[20], WEDNESDAY)], opening=10000))

    assert len(bank.lines) == 4


def test_the_same_days_in_a_second_format_do_not_count_twice(bank: Bank):
    bank.takes_in(sample("two_days.mt940"))

    with pytest.raises(StatementRefused, match="The same statement in two formats counts twice"):
        bank.takes_in(sample("german.csv"))

    assert len(bank.lines) == 5


def test_a_file_that_contradicts_an_earlier_one_is_refused(bank: Bank):
    bank.takes_in(mt940([(NOV[1], MONDAY)], opening=0))

    with pytest.raises(StatementRefused, match="is told by no"):
        bank.takes_in(mt940([(NOV[1], [*MONDAY[:2], (99, "Zoe")])], opening=0))


def test_without_balances_the_days_must_be_told_without_a_hole(finn: StaffMember):
    open_account(finn, "checking", currency="usd", csv="american")
    bank = Bank(finn, "checking")
    bank.takes_in(sample("american.csv"))
    later = b"Date,Description,Type,Amount\n11/09/2026,ADA,Credit,1.00\n"

    with pytest.raises(StatementRefused, match="No file tells of 2026-11-07 to 2026-11-08"):
        bank.takes_in(later)
    bank.takes_in(later, first_day=date(2026, 11, 7))

    assert bank.amounts[-1] == 100


def test_days_without_a_file_that_a_person_accepts_stay_in_the_queue_until_they_come_in(finn: StaffMember):
    open_account(finn, "checking", currency="usd", csv="american")
    bank = Bank(finn, "checking")
    bank.takes_in(sample("american.csv"))

    def gaps() -> list[str]:
        with transaction() as session:
            return [row.sentence for row in reconcile.reconcile(session).open if row.kind == "bank_gap"]

    bank.takes_in(b"Date,Description,Type,Amount\n11/09/2026,ADA,Credit,1.00\n", gap_reason="by post")
    while_open = gaps()
    bank.takes_in(b"Date,Description,Type,Amount\n11/08/2026,ADA,Credit,2.00\n", first_day=date(2026, 11, 7))

    assert while_open == [
        "No statement of checking tells of 2026-11-07 to 2026-11-08: a gap was accepted. Import the missing"
        " statement."
    ]
    assert gaps() == []


def test_a_period_that_leaves_lines_outside_is_refused(bank: Bank):
    with pytest.raises(StatementRefused, match="does not hold every line"):
        bank.takes_in(sample("german.csv"), first_day=date(2026, 11, 6))


def test_a_file_of_another_currency_is_refused(finn: StaffMember):
    open_account(finn, "checking", currency="usd", csv="american")

    with pytest.raises(StatementRefused, match="This file is in EUR, the account checking in USD"):
        Bank(finn, "checking").takes_in(sample("camt053_v02.xml"))


def test_nothing_of_a_refused_file_is_kept(bank: Bank):
    with pytest.raises(StatementRefused, match="do not add up"):
        bank.takes_in(sample("camt053_v02.xml").replace(b"242.30", b"242.31"))

    assert bank.lines == bank.statements == []


def test_a_line_of_the_bank_is_neither_a_gift_nor_an_entry_by_itself(bank: Bank):
    bank.takes_in(sample("camt053_v02.xml"))

    with transaction() as session:
        assert session.scalars(select(Donation)).all() == []
        assert session.scalars(select(JournalEntry)).all() == []


def test_the_import_stands_in_the_audit_log_without_names(bank: Bank):
    imported = bank.takes_in(sample("camt053_v02.xml"))

    with transaction() as session:
        (noted,) = session.scalars(select(AuditEntry).where(AuditEntry.subject == imported.statement.id))
    assert (noted.deed, noted.staff_id) == ("bank.import", bank.finn.id)
    assert noted.facts["new_lines"] == 2
    assert "STRIPE" not in str(noted.facts)


def test_only_finance_touches_the_bank(bank: Bank):
    with transaction() as session:
        bank.finn = find(session, "vera@example.org")

    with pytest.raises(NotAllowed):
        bank.takes_in(sample("camt053_v02.xml"))
    with pytest.raises(NotAllowed):
        open_account(bank.finn, "other")


@pytest.mark.parametrize(
    ("account", "changes", "sentence"),
    [
        ("giro", {}, "already"),
        ("Giro Konto", {}, "short word"),
        ("kasse", {"entity_id": "nobody"}, "There is no legal body “nobody”. Known: kr, us."),
        ("kasse", {"currency": "euro"}, "three letters"),
    ],
)
def test_an_account_that_cannot_be_is_refused(bank: Bank, account: str, changes, sentence: str):
    said = {"entity_id": "us", "name": "", "currency": "eur", "number": None, "csv_profile": None, **changes}

    with transaction() as session, pytest.raises(BankAccountRefused, match=sentence):
        bank_accounts.add(session, account, by=bank.finn, **said)


def test_an_unknown_account_is_a_sentence(bank: Bank):
    bank.account = "girro"

    with pytest.raises(BankAccountUnknown, match="almoner bank account list"):
        bank.takes_in(sample("camt053_v02.xml"))
