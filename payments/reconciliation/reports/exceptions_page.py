"""The queue's report in words: what is open and keeps a month open, then each, then what was looked at."""

from collections.abc import Sequence

from payments.reconciliation.reports import wording
from payments.reconciliation.reports.exceptions import ExceptionLine, ExceptionsReport
from payments.reconciliation.reports.page import Cell, Column, Control, Kind, Page, Table, Tone
from payments.reconciliation.telling import sentence_in


def page_of(report: ExceptionsReport, language: str) -> Page:
    """Ready to be drawn."""
    say = wording.words(language)["exceptions"]
    verdict, tone, sentence = _verdict(report, language)
    return Page(
        language=language,
        entity=report.entity.legal_name,
        subject=say["subject"],
        title=say["title"],
        verdict=verdict,
        tone=tone,
        sentence=sentence,
        facts=_facts(report, language),
        tables=[*_open(report, language), *_accepted(report, language), _kinds(report, language)],
        controls=_controls(report, language),
        remark=say["remark"],
        time_zone=report.entity.time_zone,
        is_letter=wording.is_letter(report.entity),
        made_at=report.round.ended_at if report.round is not None else None,
        words=wording.furniture(language),
    )


def _verdict(report: ExceptionsReport, language: str) -> tuple[str, Tone, str]:
    say = wording.words(language)["exceptions"]
    if report.round is None:
        return say["never"], Tone.PLAIN, say["never_sentence"]
    blocking = sum(line.row.blocks_close for line in report.open)
    if not report.open:
        looked = report.looked_at
        sentence = say["nothing_sentence"].format(
            gifts=f"{looked.paid_gifts:,}",
            movements=f"{looked.movements:,}",
            payouts=f"{looked.payouts:,}",
            lines=f"{looked.bank_lines:,}",
        )
        return say["nothing" if _is_everything(report) else "nothing_chosen"], Tone.GOOD, sentence
    verdict = say["open" if len(report.open) > 1 else "open_one"].format(count=len(report.open))
    if not blocking:
        return verdict, Tone.OPEN, say["none_blocks"]
    return verdict, Tone.BAD, say["blocking" if blocking > 1 else "blocking_one"].format(count=blocking)


def _is_everything(report: ExceptionsReport) -> bool:
    return report.chosen.kind is None and report.chosen.owner is None and not report.chosen.is_blocking


def _facts(report: ExceptionsReport, language: str) -> list[tuple[str, Cell]]:
    say = wording.words(language)["exceptions"]
    chosen = report.chosen
    picked = [
        say["of_kind"].format(kind=wording.named("kind", chosen.kind, language)) if chosen.kind else "",
        say["of_owner"].format(name=chosen.owner.name) if chosen.owner is not None else "",
        say["only_blocking"] if chosen.is_blocking else "",
    ]
    facts: list[tuple[str, Cell]] = [
        (say["chosen"], "; ".join(each for each in picked if each) or say["all"]),
        (say["round"], report.round.ended_at if report.round is not None else say["never"]),
        (say["paid_gifts"], report.looked_at.paid_gifts),
        (say["movements"], report.looked_at.movements),
        (say["payouts"], report.looked_at.payouts),
        (say["bank_lines"], report.looked_at.bank_lines),
        (say["bank_lines_said"], report.looked_at.bank_lines_said),
    ]
    return facts


def _open(report: ExceptionsReport, language: str) -> list[Table]:
    say = wording.words(language)["exceptions"]
    if not report.open:
        return []
    return [
        Table(
            name=say["open_sheet"],
            title=say["open_title"],
            columns=[
                Column(say["kind"], width=26),
                Column(say["about"], Kind.ID),
                Column(say["amount"], Kind.MONEY, is_summed=True),
                Column(say["age"], Kind.COUNT, width=8),
                Column(say["due"], Kind.DAY),
                Column(say["owner"]),
                Column(say["blocks"], width=10),
                Column(say["sentence"], Kind.LONG),
                Column(say["id"], Kind.ID),
            ],
            rows=[_line(line, language) for line in report.open],
            total=say["total"],
        )
    ]


def _line(line: ExceptionLine, language: str) -> list[Cell]:
    say = wording.words(language)["exceptions"]
    row = line.row
    return [
        wording.named("kind", row.kind, language),
        row.subject_id,
        line.amount,
        line.age_days,
        row.due_on,
        line.owner or say["nobody"],
        say["yes"] if row.blocks_close else say["no"],
        sentence_in(language, row.sentence, row.told),
        row.id,
    ]


def _accepted(report: ExceptionsReport, language: str) -> list[Table]:
    say = wording.words(language)["exceptions"]
    if not report.accepted:
        return []
    return [
        Table(
            name=say["accepted_sheet"],
            title=say["accepted_title"],
            columns=[
                Column(say["kind"], width=26),
                Column(say["about"], Kind.ID),
                Column(say["amount"], Kind.MONEY, is_summed=True),
                Column(say["accepted_at"], Kind.INSTANT),
                Column(say["accepted_by"]),
                Column(say["reason"], Kind.LONG),
                Column(say["id"], Kind.ID),
            ],
            rows=_accepted_rows(report.accepted, language),
            total=say["total"],
        )
    ]


def _accepted_rows(lines: Sequence[ExceptionLine], language: str) -> list[list[Cell]]:
    return [
        [
            wording.named("kind", line.row.kind, language),
            line.row.subject_id,
            line.amount,
            line.row.closed_at,
            line.accepted_by,
            line.row.note,
            line.row.id,
        ]
        for line in lines
    ]


def _kinds(report: ExceptionsReport, language: str) -> Table:
    say = wording.words(language)["exceptions"]
    meaning = wording.words(language)["meaning"]
    return Table(
        name=say["kinds_sheet"],
        title=say["kinds_title"],
        note=say["kinds_note"],
        columns=[
            Column(say["kind"], width=30),
            Column(say["meaning"], Kind.LONG),
            Column(say["blocks"], width=14),
            Column(say["found"], Kind.COUNT, is_summed=True),
        ],
        rows=[
            [
                wording.named("kind", kind, language),
                meaning.get(kind, ""),
                say["yes"] if blocks else say["no"],
                count,
            ]
            for kind, count, blocks in report.by_kind
        ],
        total=say["total"],
    )


def _controls(report: ExceptionsReport, language: str) -> list[Control]:
    say = wording.words(language)["exceptions"]["control"]
    if report.round is None or not _is_everything(report):
        return []
    blocking = sum(line.row.blocks_close for line in report.open)
    return [
        Control(what=say["lines"], one=len(report.open), against=say["queue"], other=report.standing.open),
        Control(
            what=say["blocking"],
            one=blocking,
            against=say["queue_blocking"],
            other=report.standing.blocks_close,
        ),
    ]
