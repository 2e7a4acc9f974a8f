"""A payout's report in words: where it stands first, then what it is made of, then every line."""

from collections.abc import Sequence
from datetime import date

from payments.money import Money
from payments.reconciliation.payout_proof import State
from payments.reconciliation.reports import wording
from payments.reconciliation.reports.page import Cell, Column, Control, Kind, Page, Table, Tone
from payments.reconciliation.reports.payout import OnTheBank, PayoutReport, ReportLine

_PARTS = ("gifts", "refunds", "disputes", "stripe_fees", "came_back", "other")
_ENDED = ("failed", "canceled")
_TONES = {
    State.PROVEN: Tone.GOOD,
    State.DIFFERS: Tone.BAD,
    State.WAITING: Tone.OPEN,
    State.ON_THE_BALANCE: Tone.PLAIN,
}


def page_of(report: PayoutReport, language: str) -> Page:
    """Ready to be drawn."""
    say = wording.words(language)["payout"]
    payout = report.payout
    verdict, tone = _verdict(report, language)
    return Page(
        language=language,
        entity=report.entity.legal_name,
        subject=say["subject"],
        title=payout.stripe_payout_id,
        verdict=verdict,
        tone=tone,
        sentence=_sentence(report, language),
        facts=_facts(report, language),
        tables=_tables(report, language),
        controls=_controls(report, language),
        remark=say["remark"].format(zone=report.entity.time_zone),
        time_zone=report.entity.time_zone,
        is_letter=wording.is_letter(report.entity),
        made_at=payout.made_at,
        words=wording.furniture(language),
    )


def _verdict(report: PayoutReport, language: str) -> tuple[str, Tone]:
    say = wording.words(language)["payout"]["state"]
    state = report.proof.state
    if state is State.PROVEN and report.payout.status in _ENDED:
        # That its lines are right is no comfort while nobody has the money.
        tone = Tone.PLAIN if report.carried_on_by is not None else Tone.OPEN
        return say[report.payout.status], tone
    return say[state.value], _TONES[state]


def _sentence(report: PayoutReport, language: str) -> str:
    say = wording.words(language)["payout"]["sentence"]
    state = report.proof.state
    facts = {
        "amount": _money(report, report.payout.amount).format(language),
        "difference": _money(report, report.proof.difference).format(language),
        "payout": report.carried_on_by,
        "count": report.sums.lines,
    }
    if state is State.PROVEN and report.payout.status in _ENDED:
        went = "left_again" if report.carried_on_by is not None else "not_left_again"
        return f"{say[went]} {say['proven']}".format(**facts)
    if state is State.WAITING:
        return str(say[_waiting_for(report)]).format(**facts | {"count": report.sums.not_in_the_book})
    return str(say[state.value]).format(**facts)


def _waiting_for(report: PayoutReport) -> str:
    if report.own is None:
        return "waiting_for_itself"
    return "waiting_for_the_list" if report.payout.listed_at is None else "waiting_for_the_book"


def _facts(report: PayoutReport, language: str) -> list[tuple[str, Cell]]:
    say = wording.words(language)["payout"]
    payout = report.payout
    status = wording.named("payout_status", payout.status, language)
    kind = say["automatic"] if payout.is_automatic else say["manual"].format(method=payout.method)
    facts: list[tuple[str, Cell]] = [
        (say["amount"], _money(report, payout.amount)),
        (say["currency"], report.currency.upper()),
        (say["status"], f"{status}: {payout.failure_code}" if payout.failure_code else status),
        (say["kind"], kind),
        (say["made"], payout.made_at),
        (say["arrives"], payout.arrives_on),
        (say["descriptor"], payout.statement_descriptor),
        (say["trace"], payout.trace_id),
        (say["carried_on_by"], report.carried_on_by),
        (say["carries_failed"], ", ".join(each.stripe_payout_id for each in report.came_back) or None),
        (say["takes_back"], payout.original_payout_id),
        (say["taken_back_by"], payout.reversed_by_id),
        *((say["on_the_bank"], _on_the_bank(each, language)) for each in report.on_the_bank),
    ]
    if not report.on_the_bank:
        facts.append((say["on_the_bank"], say["not_on_the_bank"]))
    return [(label, fact) for label, fact in facts if fact is not None]


def _on_the_bank(line: OnTheBank, language: str) -> str:
    say = wording.words(language)["payout"]
    parts = [
        say["bank_line"].format(
            account=line.account_id,
            day=line.booked_on.isoformat(),
            amount=line.amount.format(language),
            line=line.bank_line_id,
        )
    ]
    if line.kind == "payout_return":
        parts.append(say["bank_return"])
    if line.payouts_on_it > 1:
        parts.append(say["bank_shared"].format(count=line.payouts_on_it))
    if line.bank_reference:
        parts.append(say["bank_reference"].format(reference=line.bank_reference))
    parts.append(say["matched_by"].format(name=line.matched_by) if line.matched_by else say["matched_itself"])
    return "; ".join(parts)


def _tables(report: PayoutReport, language: str) -> list[Table]:
    say = wording.words(language)["payout"]
    if not report.payout.is_automatic:
        return []
    lines = _lines(report, report.lines, language, name=say["lines_sheet"], title=say["lines"])
    return [
        _parts(report, language),
        lines,
        *(
            _lines(
                report,
                each.lines,
                language,
                name=f"{say['came_back_sheet']} {place}",
                title=say["came_back_title"].format(
                    payout=each.stripe_payout_id,
                    amount=each.amount.format(language),
                    reason=each.failure_code or say["no_reason"],
                ),
                note=say["came_back_note"].format(payout=report.payout.stripe_payout_id),
            )
            for place, each in enumerate(report.came_back, start=1)
        ),
    ]


def _parts(report: PayoutReport, language: str) -> Table:
    """What it is made of: the lines again, by what they are, so their sum is the same."""
    say = wording.words(language)["payout"]
    rows: list[list[Cell]] = []
    for part in _PARTS:
        lines = [line.carried for line in report.lines if line.part == part]
        if lines or part == "gifts":
            rows.append(
                [
                    say["part"][part],
                    len(lines),
                    _money(report, sum(line.amount for line in lines)),
                    _money(report, -sum(line.fee for line in lines)),
                    _money(report, sum(line.net for line in lines)),
                ]
            )
    return Table(
        name=say["parts_sheet"],
        title=say["parts"],
        columns=[
            Column(say["what"], width=34),
            Column(say["count"], Kind.COUNT, is_summed=True),
            Column(say["gross"], Kind.MONEY, is_summed=True),
            Column(say["fee"], Kind.MONEY, is_summed=True),
            Column(say["net"], Kind.MONEY, is_summed=True),
        ],
        rows=rows,
        total=say["total"],
    )


def _lines(
    report: PayoutReport,
    lines: Sequence[ReportLine],
    language: str,
    *,
    name: str,
    title: str,
    note: str = "",
) -> Table:
    say = wording.words(language)["payout"]
    has_foreign = any(line.given is not None for line in lines)
    columns = [
        Column(say["day"], Kind.DAY),
        Column(say["what"]),
        Column(say["gift_or_source"], Kind.ID),
        Column(say["fund"]),
        *([Column(say["given"], Kind.MONEY)] if has_foreign else []),
        Column(say["gross"], Kind.MONEY, is_summed=True),
        Column(say["fee"], Kind.MONEY, is_summed=True),
        Column(say["net"], Kind.MONEY, is_summed=True),
        Column(say["transaction"], Kind.ID),
        Column(say["journal"], Kind.COUNT),
    ]
    return Table(
        name=name,
        title=title,
        note=note,
        columns=columns,
        rows=[_line(report, line, language, has_foreign=has_foreign) for line in lines],
        total=say["total"],
        empty=say["no_lines"],
    )


def _line(report: PayoutReport, line: ReportLine, language: str, *, has_foreign: bool) -> list[Cell]:
    carried = line.carried
    day: date | str = wording.words(language)["payout"]["not_in_the_book"]
    if carried.created_at is not None:
        day = wording.local(carried.created_at, report.entity.time_zone).date()
    funds = ", ".join(_fund(report, fund_id, language) for fund_id in line.fund_ids)
    return [
        day,
        wording.named("movement", carried.kind or carried.reporting_category, language),
        carried.donation_id or carried.source_id,
        funds,
        *([line.given] if has_foreign else []),
        _money(report, carried.amount),
        _money(report, -carried.fee),
        _money(report, carried.net),
        carried.stripe_balance_transaction_id,
        carried.journal_number,
    ]


def _fund(report: PayoutReport, fund_id: str, language: str) -> str:
    names = report.fund_names.get(fund_id, {})
    return str(names.get(language) or names.get("en") or fund_id)


def _controls(report: PayoutReport, language: str) -> list[Control]:
    say = wording.words(language)["payout"]["control"]
    paid = _money(report, report.payout.amount)
    controls = []
    if report.payout.is_automatic and report.lines:
        total = _money(report, sum(line.carried.net for line in report.lines))
        listed = _money(report, report.sums.listed)
        controls += [
            Control(what=say["lines"], one=total, against=say["amount"], other=paid),
            Control(what=say["lines"], one=total, against=say["list"], other=listed),
            Control(
                what=say["in_the_book"],
                one=report.sums.lines - report.sums.not_in_the_book,
                against=say["on_the_list"],
                other=report.sums.lines,
            ),
        ]
    if report.own is not None:
        left = _money(report, -report.own)
        controls.append(Control(what=say["left"], one=left, against=say["amount"], other=paid))
    if report.balance_then is not None:
        controls.append(
            Control(
                what=say["book_then"],
                one=report.balance_then.in_the_book,
                against=say["stripe_then"],
                other=report.balance_then.at_stripe,
            )
        )
    controls += [
        Control(
            what=say["payouts_on_line" if line.payouts_on_it > 1 else f"{line.kind}_on_line"],
            one=_money(report, line.payouts_amount),
            against=say["bank_line"],
            other=line.amount,
        )
        for line in report.on_the_bank
    ]
    return controls


def _money(report: PayoutReport, minor: int) -> Money:
    return Money(minor, report.currency)
