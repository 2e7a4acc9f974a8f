"""A month's report in words: whether it is closed or may be, the checklist, and then its figures.

Of a closed month it is what the pack tells, the same for ever.
"""

from datetime import datetime

from babel.dates import format_skeleton

from payments.donations.models import IssuingEntity
from payments.money import Money
from payments.reconciliation.month_report import ExceptionOfMonth, MonthReport
from payments.reconciliation.months import Month
from payments.reconciliation.reports import month_figures, wording
from payments.reconciliation.reports.page import Cell, Column, Kind, Page, Table, Tone
from payments.reconciliation.telling import sentence_in


def page_of(report: MonthReport, entity: IssuingEntity, language: str) -> Page:
    """Ready to be drawn. The body is asked only for the paper it prints on."""
    say = wording.words(language)["month"]
    verdict, tone, sentence = _verdict(report, language)
    return Page(
        language=language,
        entity=report.month.legal_name,
        subject=say["subject"],
        title=title_of(report.month, language),
        verdict=verdict,
        tone=tone,
        sentence=sentence,
        facts=_facts(report, language),
        tables=[
            _checklist(report, language),
            *month_figures.tie_outs(report, language),
            *month_figures.trial_balances(report, language),
            *month_figures.funds(report, language),
            *month_figures.payouts(report, language),
            *month_figures.bank(report, language),
            *_exceptions(report, language),
            *month_figures.receipts(report, language),
            *_late(report, language),
            *_closings(report, language),
        ],
        controls=month_figures.controls(report, language),
        remark=say["remark"].format(zone=report.month.time_zone),
        time_zone=report.month.time_zone,
        is_letter=wording.is_letter(entity),
        made_at=_made_at(report),
        words=wording.furniture(language),
    )


def title_of(month: Month, language: str) -> str:
    """`October 2026`, as a reader of that language writes it."""
    return format_skeleton("yMMMM", month.first_day, locale=language)


def _made_at(report: MonthReport) -> datetime:
    return report.closings[-1].closed_at if report.closings else report.month.ends


def _verdict(report: MonthReport, language: str) -> tuple[str, Tone, str]:
    say = wording.words(language)["month"]
    lacking = [item for item in report.checklist if not item.is_ok]
    if report.status == "closed":
        last = report.closings[-1]
        closed_at = wording.long_instant(last.closed_at, report.month.time_zone, language)
        return say["closed"], Tone.GOOD, say["closed_sentence"].format(name=last.closed_by, at=closed_at)
    counted = say["lacking" if lacking else "ready_sentence"].format(
        count=len(lacking), of=len(report.checklist)
    )
    if report.status == "reopened":
        last = report.closings[-1]
        why = say["reopened_sentence"].format(name=last.reopened_by, reason=last.reopen_reason)
        return say["reopened"], Tone.OPEN, f"{why} {counted}"
    return (say["not_ready"], Tone.OPEN, counted) if lacking else (say["ready"], Tone.PLAIN, counted)


def _facts(report: MonthReport, language: str) -> list[tuple[str, Cell]]:
    say = wording.words(language)["month"]
    month = report.month
    last = report.closings[-1] if report.closings else None
    facts: list[tuple[str, Cell]] = [
        (say["body"], f"{month.legal_name} ({month.entity_id})"),
        (say["days"], f"{month.first_day} – {month.last_day}"),
        (say["zone"], month.time_zone),
        (say["status"], wording.named("month_status", report.status, language)),
        (say["items"], f"{sum(item.is_ok for item in report.checklist)} / {len(report.checklist)}"),
    ]
    if last is not None:
        facts += [(say["version"], last.version), (say["pack"], last.pack_sha256)]
    return facts


def _checklist(report: MonthReport, language: str) -> Table:
    say = wording.words(language)["month"]
    titles = wording.words(language)["item"]
    # What to do is a column only where there is something to do.
    remedies = [Column(say["remedy"], Kind.LONG)] if any(item.remedy for item in report.checklist) else []
    return Table(
        name=say["checklist_sheet"],
        title=say["checklist"],
        columns=[
            Column(say["item"], width=36),
            Column(say["is_so"], width=10),
            Column(say["found"], Kind.LONG, width=70),
            *remedies,
        ],
        rows=[
            [
                titles.get(item.kind, item.title),
                say["yes"] if item.is_ok else say["no"],
                item.sentence,
                *([item.remedy] if remedies else []),
            ]
            for item in report.checklist
        ],
    )


def _exceptions(report: MonthReport, language: str) -> list[Table]:
    say = wording.words(language)["month"]
    return [
        Table(
            name=say["exceptions_sheet"],
            title=say["exceptions"],
            columns=[
                Column(say["kind"], width=26),
                Column(say["about"], Kind.ID),
                Column(say["amount"], Kind.MONEY, is_summed=True),
                Column(say["status"], width=12),
                Column(say["who"]),
                Column(say["blocks"], width=12),
                Column(say["note"], Kind.LONG),
            ],
            rows=[_exception(row, language) for row in report.exceptions],
            total=say["total"],
            empty=say["no_exceptions"],
        )
    ]


def _exception(row: ExceptionOfMonth, language: str) -> list[Cell]:
    say = wording.words(language)["month"]
    has_amount = row.amount is not None and row.currency is not None
    return [
        wording.named("kind", row.kind, language),
        row.subject_id,
        Money(row.amount or 0, row.currency or "") if has_amount else None,
        wording.named("exception_status", row.status, language),
        row.accepted_by or row.owner,
        say["yes"] if row.blocks_close else say["no"],
        row.note or sentence_in(language, row.sentence, row.told),
    ]


def _late(report: MonthReport, language: str) -> list[Table]:
    say = wording.words(language)["month"]
    if not report.late:
        return []
    return [
        Table(
            name=say["late_sheet"],
            title=say["late"],
            note=say["late_note"],
            columns=[
                Column(say["entry"], Kind.ID),
                Column(say["what"]),
                Column(say["happened"], Kind.DAY),
                Column(say["counts"], Kind.DAY),
            ],
            rows=[
                [
                    each.reference,
                    wording.named("movement", each.kind, language),
                    each.happened_on,
                    each.effective_on,
                ]
                for each in report.late
            ],
        )
    ]


def _closings(report: MonthReport, language: str) -> list[Table]:
    say = wording.words(language)["month"]
    if not report.closings:
        return []
    return [
        Table(
            name=say["closings_sheet"],
            title=say["closings"],
            columns=[
                Column(say["version"], Kind.COUNT),
                Column(say["closed_by"]),
                Column(say["closed_at"], Kind.INSTANT),
                Column(say["reopened_by"]),
                Column(say["reopened_at"], Kind.INSTANT),
                Column(say["reason"], Kind.LONG),
                Column(say["pack"], Kind.ID, width=62),
            ],
            rows=[
                [
                    each.version,
                    each.closed_by,
                    each.closed_at,
                    each.reopened_by,
                    each.reopened_at,
                    each.reopen_reason,
                    each.pack_sha256,
                ]
                for each in report.closings
            ],
        )
    ]
