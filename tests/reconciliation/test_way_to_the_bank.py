"""Twenty-five dollars, followed from the donor to the line of the bank."""

from datetime import date, timedelta
from pathlib import Path

from tests.reconciliation.treasury import Treasury, kinds


def explained(treasury: Treasury, gift_id: str) -> str:
    sentences = treasury.almoner("gifts", "explain", gift_id, "--json").json["sentences"]
    return " ".join(sentence["says"] for sentence in sentences if sentence["about"] == "payout")


def test_a_gift_is_followed_to_the_line_of_the_bank_that_brought_it(treasury: Treasury, tmp_path: Path):
    gift = treasury.a_paid_gift(2500)
    assert explained(treasury, gift.id) == ""

    payout = treasury.almoner("sandbox", "payout", "--json").json["id"]
    treasury.everybody_works()
    due = treasury.arrives_on(payout)
    assert f"{payout} of $23.97" in explained(treasury, gift.id)
    assert "no line of the bank" in explained(treasury, gift.id)

    treasury.house.stripe.tell(f"payouts/{payout}/pay")
    treasury.everybody_works()
    statement = tmp_path / "bank.xml"
    days = ("--from", str(due - timedelta(days=3)), "--to", str(due))
    treasury.almoner("sandbox", "bank-statement", *days, "--out", str(statement))
    treasury.types("bank", "import", str(statement), "--account", treasury.bank.account)
    treasury.reconciles()

    [line] = treasury.bank.lines
    told = explained(treasury, gift.id)
    assert (line.amount, line.booked_on) == (2397, due)
    assert f"on the statement of {treasury.bank.account}" in told
    assert line.id in told
    shown = treasury.almoner("gifts", "show", gift.id, "--json").json["payouts"]
    assert [(leg["stripe_payout_id"], leg["amount"], leg["bank_line_id"]) for leg in shown] == [
        (payout, {"amount": 2397, "currency": "usd"}, line.id)
    ]


def test_money_that_came_back_from_the_bank_is_followed_into_the_next_payout(
    treasury: Treasury, tmp_path: Path
):
    gift = treasury.a_paid_gift(2500)
    first = treasury.stripe_pays_out(paid=True)
    treasury.house.stripe.tell(f"payouts/{first}/fail")
    second = treasury.house.stripe.tell(f"payouts/{first}/retry")["id"]
    treasury.house.stripe.tell(f"payouts/{second}/pay")
    treasury.everybody_works()
    statement = tmp_path / "bank.xml"

    treasury.almoner(
        *("sandbox", "bank-statement", "--from", "2020-01-01", "--to", str(date(2099, 12, 31))),
        *("--out", str(statement)),
    )
    treasury.types("bank", "import", str(statement), "--account", treasury.bank.account)
    round_ = treasury.reconciles()

    told = explained(treasury, gift.id)
    assert sorted(treasury.bank.amounts) == [-2397, 2397, 2397]
    assert told.index(first) < told.index("came to nothing") < told.index(second)
    assert "bank_line_unmatched" not in kinds(round_), round_
