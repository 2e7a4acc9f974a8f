"""The figures of a month as tables: each with its lines, and totals that are their sums."""

from payments.ledger.accounts import Account
from payments.money import Money
from payments.reconciliation.bank_lineup import BankLineup
from payments.reconciliation.month_report import MonthReport
from payments.reconciliation.reports import wording
from payments.reconciliation.reports.page import Cell, Column, Control, Kind, Table
from payments.reconciliation.tie_out import TieOut

_GIVEN = (
    Account.CONTRIBUTIONS,
    Account.CONTRIBUTIONS_IN_KIND,
    Account.CONTRIBUTIONS_FEE_COVER,
    Account.CONTRIBUTION_REFUNDS,
    Account.CHARGEBACKS,
)


def tie_outs(report: MonthReport, language: str) -> list[Table]:
    """For each currency what Stripe's balance did, and how the book comes to the same."""
    return [
        table
        for proof in report.tie_outs
        for table in (_at_stripe(proof, language), _from_the_book(proof, language))
    ]


def _at_stripe(proof: TieOut, language: str) -> Table:
    say = wording.words(language)["month"]
    opening: list[Cell] = [say["opening"], None, None, None, Money(proof.opening, proof.currency)]
    moved: list[list[Cell]] = [
        [
            wording.named("category", each.category, language),
            each.count,
            Money(each.gross, proof.currency),
            Money(-each.fee, proof.currency),
            Money(each.net, proof.currency),
        ]
        for each in (*proof.activity, proof.payouts)
    ]
    return Table(
        name=f"Stripe {proof.currency.upper()}",
        title=say["at_stripe"].format(currency=proof.currency.upper()),
        note=say["at_stripe_note"],
        columns=[
            Column(say["what"], width=34),
            Column(say["count"], Kind.COUNT),
            Column(say["gross"], Kind.MONEY),
            Column(say["fee"], Kind.MONEY),
            Column(say["net"], Kind.MONEY, is_summed=True),
        ],
        rows=[opening, *moved],
        total=say["ending"],
    )


def _from_the_book(proof: TieOut, language: str) -> Table:
    say = wording.words(language)["month"]
    rows: list[list[Cell]] = [[say["in_the_book"], None, None, Money(proof.in_the_book, proof.currency)]]
    rows += [
        [each.stripe_payout_id, each.made_on, each.effective_on, Money(each.amount, proof.currency)]
        for each in proof.not_yet_effective
    ]
    if proof.late:
        rows.append([say["booked_later"], None, None, Money(proof.late, proof.currency)])
    return Table(
        name=f"{say['tie_sheet']} {proof.currency.upper()}",
        title=say["tie"].format(currency=proof.currency.upper()),
        note=say["tie_note"],
        columns=[
            Column(say["what"], width=40),
            Column(say["made"], Kind.DAY),
            Column(say["effective"], Kind.DAY),
            Column(say["amount"], Kind.MONEY, is_summed=True),
        ],
        rows=rows,
        total=say["comes_to"],
    )


def trial_balances(report: MonthReport, language: str) -> list[Table]:
    """One for each currency, because no sum may mix them."""
    say = wording.words(language)["month"]
    names = {line.fund_id: line.fund_name for line in report.funds}
    return [
        Table(
            name=f"{say['trial_sheet']} {currency.upper()}",
            title=say["trial"].format(currency=currency.upper()),
            note=say["trial_note"],
            columns=[
                Column(say["account"], width=30),
                Column(say["fund"]),
                Column(say["at_first"], Kind.MONEY, is_summed=True),
                Column(say["debit"], Kind.MONEY, is_summed=True),
                Column(say["credit"], Kind.MONEY, is_summed=True),
                Column(say["at_last"], Kind.MONEY, is_summed=True),
            ],
            rows=[
                [
                    wording.named("account", line.account.value, language),
                    names.get(line.fund_id, line.fund_id) if line.fund_id is not None else None,
                    Money(line.opening, currency),
                    Money(line.debit, currency),
                    Money(line.credit, currency),
                    Money(line.closing, currency),
                ]
                for line in report.trial_balance
                if line.currency == currency
            ],
            total=say["total"],
        )
        for currency in sorted({line.currency for line in report.trial_balance})
    ]


def funds(report: MonthReport, language: str) -> list[Table]:
    """What was given for each fund and what went back of it."""
    say = wording.words(language)["month"]
    return [
        Table(
            name=say["funds_sheet"],
            title=say["funds"],
            columns=[
                Column(say["fund"], width=30),
                Column(say["currency"], width=10),
                Column(say["gifts"], Kind.COUNT),
                Column(say["contributions"], Kind.MONEY, is_summed=True),
                Column(say["refunds"], Kind.MONEY, is_summed=True),
                Column(say["chargebacks"], Kind.MONEY, is_summed=True),
                Column(say["left"], Kind.MONEY, is_summed=True),
            ],
            rows=[
                [
                    say["fee_cover"] if line.fund_id is None else line.fund_name,
                    line.currency.upper(),
                    line.gifts,
                    Money(line.contributions, line.currency),
                    Money(line.refunds, line.currency),
                    Money(line.chargebacks, line.currency),
                    Money(line.net, line.currency),
                ]
                for line in report.funds
            ],
            total=say["total"],
            empty=say["no_gifts"],
        )
    ]


def payouts(report: MonthReport, language: str) -> list[Table]:
    """Those that were made in the month or expected in it."""
    say = wording.words(language)["month"]
    states = wording.words(language)["payout"]["state"]
    return [
        Table(
            name=say["payouts_sheet"],
            title=say["payouts"],
            columns=[
                Column(say["payout"], Kind.ID),
                Column(say["made"], Kind.DAY),
                Column(say["arrives"], Kind.DAY),
                Column(say["status"], width=16),
                Column(say["amount"], Kind.MONEY, is_summed=True),
                Column(say["proof"]),
                Column(say["on_statement"], width=14),
            ],
            rows=[
                [
                    each.stripe_payout_id,
                    each.made_on,
                    each.arrives_on,
                    wording.named("payout_status", each.status, language),
                    Money(each.amount, each.currency),
                    states[each.proof],
                    say["yes"] if each.is_on_statement else say["no"],
                ]
                for each in report.payouts
            ],
            total=say["total"],
            empty=say["no_payouts"],
        )
    ]


def bank(report: MonthReport, language: str) -> list[Table]:
    """How far the statements reach, and how the book comes to what they tell of ours."""
    say = wording.words(language)["month"]
    accounts = Table(
        name=say["accounts_sheet"],
        title=say["accounts"],
        columns=[
            Column(say["bank_account"], width=26),
            Column(say["told_from"], Kind.DAY),
            Column(say["told_to"], Kind.DAY),
            Column(say["lines"], Kind.COUNT),
            Column(say["unsaid"], Kind.COUNT),
            Column(say["at_first"], Kind.MONEY),
            Column(say["at_last"], Kind.MONEY),
            Column(say["untold"], Kind.MONEY),
        ],
        rows=[
            [
                f"{each.name} ({each.bank_account_id}, {each.currency.upper()})",
                each.told_from,
                each.told_to,
                each.lines,
                each.unsaid,
                Money(each.opening, each.currency) if each.opening is not None else None,
                Money(each.closing, each.currency) if each.closing is not None else None,
                Money(each.untold, each.currency),
            ]
            for each in report.bank_accounts
        ],
        empty=say["no_accounts"],
    )
    return [accounts, *(_lineup(each, language) for each in report.bank)]


def _lineup(lineup: BankLineup, language: str) -> Table:
    say = wording.words(language)["month"]
    currency = lineup.currency
    rows: list[list[Cell]] = [[say["bank_in_the_book"], None, None, Money(lineup.in_the_book, currency)]]
    rows += [
        [each.reference, each.effective_on, each.booked_on, Money(-each.amount, currency)]
        for each in lineup.not_on_statements
    ]
    rows += [
        [each.reference, each.effective_on, each.booked_on, Money(each.amount, currency)]
        for each in lineup.of_other_months
    ]
    return Table(
        name=f"{say['lineup_sheet']} {currency.upper()}",
        title=say["lineup"].format(currency=currency.upper()),
        note=say["lineup_note"],
        columns=[
            Column(say["what"], width=40),
            Column(say["in_book_on"], Kind.DAY),
            Column(say["at_bank_on"], Kind.DAY),
            Column(say["amount"], Kind.MONEY, is_summed=True),
        ],
        rows=rows,
        total=say["comes_to"],
    )


def receipts(report: MonthReport, language: str) -> list[Table]:
    """What was issued."""
    say = wording.words(language)["month"]
    return [
        Table(
            name=say["receipts_sheet"],
            title=say["receipts"],
            columns=[
                Column(say["series"], width=12),
                Column(say["tax_year"], width=10),
                Column(say["first"]),
                Column(say["last"]),
                Column(say["issued"], Kind.COUNT),
                Column(say["void"], Kind.COUNT),
                Column(say["amount"], Kind.MONEY, is_summed=True),
            ],
            rows=[
                [
                    each.series,
                    str(each.tax_year),
                    each.first,
                    each.last,
                    each.issued,
                    each.void,
                    Money(each.amount, each.currency),
                ]
                for each in report.receipts
            ],
            total=say["total"],
            empty=say["no_receipts"],
        )
    ]


def controls(report: MonthReport, language: str) -> list[Control]:
    """Each currency's proofs: with Stripe, with the bank, and of the book with itself."""
    say = wording.words(language)["month"]["control"]
    found: list[Control] = []
    for proof in report.tie_outs:
        ending = Money(proof.closing, proof.currency)
        ours = Money(proof.in_the_book + proof.late + proof.in_transit, proof.currency)
        found.append(Control(what=say["tie"], one=ours, against=say["ending"], other=ending))
        if proof.asked is not None:
            asked, mirrored = (
                Money(each, proof.currency) for each in (proof.asked.total, proof.asked.mirrored)
            )
            found.append(Control(what=say["movements"], one=mirrored, against=say["asked"], other=asked))
        if proof.report_ending is not None:
            told = Money(proof.report_ending, proof.currency)
            found.append(Control(what=say["ending"], one=ending, against=say["report"], other=told))
    for lineup in report.bank:
        on_statements = Money(lineup.on_statements - lineup.other_business, lineup.currency)
        ours = on_statements + Money(lineup.unexplained, lineup.currency)
        found.append(Control(what=say["bank"], one=ours, against=say["statements"], other=on_statements))
    for currency in sorted({line.currency for line in report.trial_balance}):
        found += _of_the_book(report, currency, say)
    return found


def _of_the_book(report: MonthReport, currency: str, say: dict[str, str]) -> list[Control]:
    lines = [line for line in report.trial_balance if line.currency == currency]
    debit, credit = sum(line.debit for line in lines), sum(line.credit for line in lines)
    given = sum(line.credit - line.debit for line in lines if line.account in _GIVEN)
    by_fund = sum(line.net for line in report.funds if line.currency == currency)
    return [
        Control(
            what=say["debit"],
            one=Money(debit, currency),
            against=say["credit"],
            other=Money(credit, currency),
        ),
        Control(
            what=say["funds"],
            one=Money(by_fund, currency),
            against=say["given"],
            other=Money(given, currency),
        ),
    ]
