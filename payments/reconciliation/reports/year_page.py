"""The receipts of a year and the book in words: the walk from one to the other, and the gifts to look at."""

from payments.donations.models import IssuingEntity
from payments.money import Money
from payments.reconciliation.receipts_and_book import YearOfReceipts
from payments.reconciliation.reports import wording
from payments.reconciliation.reports.page import Column, Control, Kind, Page, Table, Tone


def page_of(year: YearOfReceipts, entity: IssuingEntity, language: str) -> Page:
    """Ready to be drawn. The body is asked only for the paper it prints on."""
    say = wording.words(language)["year"]
    verdict = "explained" if year.is_explained else "unexplained"
    unexplained = sum(row.cause == "unexplained" for row in year.to_look_at)
    return Page(
        language=language,
        entity=year.legal_name,
        subject=say["subject"],
        title=str(year.year),
        verdict=say[verdict],
        tone=Tone.GOOD if year.is_explained else Tone.BAD,
        sentence=say[f"{verdict}_sentence"].format(year=year.year, count=unexplained),
        facts=[],
        tables=[
            *(_walk(year, currency, language) for currency in year.currencies),
            *([_to_look_at(year, language)] if year.to_look_at else []),
        ],
        controls=[
            Control(
                what=f"{say['walk_control']} {currency.upper()}",
                one=Money(year.comes_to(currency), currency),
                against=say["book_control"],
                other=Money(year.booked.get(currency, 0), currency),
            )
            for currency in year.currencies
        ],
        remark=say["remark"].format(zone=year.time_zone),
        time_zone=year.time_zone,
        is_letter=wording.is_letter(entity),
        words=wording.furniture(language),
    )


def _walk(year: YearOfReceipts, currency: str, language: str) -> Table:
    say = wording.words(language)["year"]
    return Table(
        name=say["walk_sheet"].format(currency=currency.upper()),
        title=say["walk"].format(currency=currency.upper()),
        note=say["walk_note"],
        columns=[
            Column(say["cause"], width=44),
            Column(say["gifts"], Kind.COUNT),
            Column(say["amount"], Kind.MONEY, is_summed=True),
        ],
        rows=[
            [
                wording.named("year_cause", step.cause.value, language),
                step.gifts,
                Money(step.amount, currency),
            ]
            for step in year.steps
            if step.currency == currency
        ],
        total=say["comes_to"],
    )


def _to_look_at(year: YearOfReceipts, language: str) -> Table:
    say = wording.words(language)["year"]
    return Table(
        name=say["look_sheet"],
        title=say["look"],
        note=say["look_note"],
        columns=[
            Column(say["cause"], width=34),
            Column(say["gift"], Kind.ID),
            Column(say["amount"], Kind.MONEY),
        ],
        rows=[
            [
                wording.named("year_cause", row.cause.value, language),
                row.donation_id,
                Money(row.amount, row.currency),
            ]
            for row in year.to_look_at
        ],
    )
