"""Large donors on paper: a table for each currency, whoever is thanked for as much, and control totals."""

from payments.audit.large_donors import InCurrency, LargeDonors
from payments.audit.stretch import Stretch
from payments.donations.models import IssuingEntity
from payments.money import Money
from payments.reconciliation.reports import wording
from payments.reconciliation.reports.month_page import title_of
from payments.reconciliation.reports.page import Cell, Column, Control, Kind, Page, Table, Tone


def page_of(found: LargeDonors, entity: IssuingEntity, language: str) -> Page:
    """Ready to be drawn."""
    say = wording.words(language)["large_donors"]
    agrees = all(each.agrees for each in found.currencies)
    listed = len({each.donor_id for each in found.donors})
    return Page(
        language=language,
        entity=found.stretch.first.legal_name,
        subject=say["subject"],
        title=stretch_title(found.stretch, language),
        verdict=(say["listed"] if listed else say["nobody"]).format(count=listed),
        tone=Tone.PLAIN if agrees else Tone.BAD,
        sentence=" ".join(_sentences(found, language)),
        facts=[
            (say["names"], say["named"] if found.is_named else say["not_named"]),
            *(
                (f"{say['from']} {each.currency.upper()}", Money(each.threshold, each.currency))
                for each in found.currencies
                if each.threshold is not None
            ),
        ],
        tables=[
            *(_donors(found, each, language) for each in found.currencies if each.threshold is not None),
            *([_thanked(found, language)] if found.thanked else []),
        ],
        controls=[control for each in found.currencies for control in _controls(each, language)],
        remark=say["remark"].format(zone=found.stretch.time_zone),
        time_zone=found.stretch.time_zone,
        is_letter=wording.is_letter(entity),
        words=wording.furniture(language),
    )


def stretch_title(stretch: Stretch, language: str) -> str:
    """`2026` for a calendar year, otherwise from month to month."""
    first, last = stretch.first, stretch.last
    if (first.first_day.month, last.first_day.month) == (
        1,
        12,
    ) and first.first_day.year == last.last_day.year:
        return str(first.first_day.year)
    return f"{title_of(first, language)} – {title_of(last, language)}"


def _sentences(found: LargeDonors, language: str) -> list[str]:
    say = wording.words(language)["large_donors"]
    told = []
    for each in found.currencies:
        facts = {
            "total": Money(each.total, each.currency).format(language),
            "listed": Money(each.listed, each.currency).format(language),
            "currency": each.currency.upper(),
            "donors": each.donors,
        }
        told.append(say["of_all" if each.threshold is not None else "not_asked"].format(**facts))
    if found.in_several:
        told.append(say["in_several"].format(count=found.in_several))
    return told


def _donors(found: LargeDonors, of: InCurrency, language: str) -> Table:
    say = wording.words(language)["large_donors"]
    named = found.is_named
    rows: list[list[Cell]] = [
        [
            each.donor_id,
            *((each.name, each.address) if named else ()),
            ", ".join(wording.named("payer_kind", kind, language) for kind in each.payers),
            each.gifts,
            *(
                Money(amount, each.currency)
                for amount in (
                    *(each.cash, each.in_kind, each.went_back, each.stands),
                    *(each.later, each.soft),
                )
            ),
        ]
        for each in found.donors
        if each.currency == of.currency
    ]
    return Table(
        name=say["sheet"].format(currency=of.currency.upper()),
        title=say["donors"].format(
            least=Money(of.threshold or 0, of.currency).format(language), currency=of.currency.upper()
        ),
        note=say["donors_note"],
        columns=[
            Column(say["donor"], Kind.ID),
            *((Column(say["name"], width=26), Column(say["address"], width=40)) if named else ()),
            Column(say["payer"], width=18),
            Column(say["gifts"], Kind.COUNT, is_summed=True),
            Column(say["cash"], Kind.MONEY, is_summed=True),
            Column(say["in_kind"], Kind.MONEY, is_summed=True),
            Column(say["went_back"], Kind.MONEY, is_summed=True),
            Column(say["stands"], Kind.MONEY, is_summed=True),
            Column(say["later"], Kind.MONEY, is_summed=True),
            Column(say["soft"], Kind.MONEY),
        ],
        rows=rows,
        total=say["total"],
        empty=say["nobody"],
    )


def _thanked(found: LargeDonors, language: str) -> Table:
    say = wording.words(language)["large_donors"]
    return Table(
        name=say["thanked_sheet"],
        title=say["thanked"],
        note=say["thanked_note"],
        columns=[
            Column(say["donor"], Kind.ID),
            *((Column(say["name"], width=26),) if found.is_named else ()),
            Column(say["gifts"], Kind.COUNT),
            Column(say["soft"], Kind.MONEY),
        ],
        rows=[
            [
                each.donor_id,
                *((each.name,) if found.is_named else ()),
                each.gifts,
                Money(each.soft, each.currency),
            ]
            for each in found.thanked
        ],
    )


def _controls(of: InCurrency, language: str) -> list[Control]:
    say = wording.words(language)["large_donors"]["control"]

    def control(what: str, one: int, against: str, other: int) -> Control:
        return Control(
            what=f"{say[what]} {of.currency.upper()}",
            one=Money(one, of.currency),
            against=say[against],
            other=Money(other, of.currency),
        )

    all_of_it = control("total", of.total, "in_the_book", of.in_the_book)
    if of.threshold is None:
        return [all_of_it]
    return [all_of_it, control("brought", of.brought, "moved", of.moved)]
