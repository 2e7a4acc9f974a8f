"""The fees of a month in words: what Stripe kept, by what was paid with, and whether the fee is covered."""

from payments.donations.models import IssuingEntity
from payments.ledger.rules import in_proportion
from payments.money import Money
from payments.reconciliation.fees import CoveredInAll, Estimate, FeesOfMonth
from payments.reconciliation.reports import wording
from payments.reconciliation.reports.month_page import title_of
from payments.reconciliation.reports.page import Cell, Column, Control, Kind, Page, Table, Tone


def page_of(fees: FeesOfMonth, entity: IssuingEntity, language: str, *, each_gift: bool = True) -> Page:
    """Ready to be drawn; with every gift whose fee was covered, unless only sums are wanted."""
    say = wording.words(language)["fees"]
    unfair = [estimate for estimate in fees.estimates if not estimate.is_fair]
    amounts = ", ".join(sum_of.format(language) for sum_of in _kept_in_all(fees))
    return Page(
        language=language,
        entity=fees.month.legal_name,
        subject=say["subject"],
        title=title_of(fees.month, language),
        verdict=say["kept"].format(amounts=amounts) if amounts else say["none"],
        tone=Tone.OPEN if unfair else Tone.PLAIN,
        sentence=" ".join(_sentences(fees, unfair, language)),
        facts=[],
        tables=[
            _kept(fees, language),
            _by_method(fees, language),
            _covers(fees, language),
            *([_estimates(fees, language)] if fees.month.receives_online else []),
            *([_each(fees, language)] if each_gift and fees.covered else []),
        ],
        controls=_controls(fees, language),
        remark=say["remark"].format(zone=fees.month.time_zone),
        time_zone=fees.month.time_zone,
        is_letter=wording.is_letter(entity),
        made_at=fees.month.ends,
        words=wording.furniture(language),
    )


def percent(basis_points: int) -> str:
    """`2.93 %` for 293."""
    return f"{basis_points // 100}.{basis_points % 100:02} %"


def share(per_thousand: int) -> str:
    """`99.8 %` for 998."""
    return f"{per_thousand // 10}.{per_thousand % 10} %"


def rate(basis_points: int, fixed: int, currency: str, language: str) -> str:
    """`2.90 % + $0.30`."""
    return f"{percent(basis_points)} + {Money(fixed, currency).format(language)}"


def _kept_in_all(fees: FeesOfMonth) -> list[Money]:
    return [
        Money(sum(line.amount for line in fees.kept if line.currency == currency), currency)
        for currency in sorted({line.currency for line in fees.kept})
    ]


def _sentences(fees: FeesOfMonth, unfair: list[Estimate], language: str) -> list[str]:
    say = wording.words(language)["fees"]
    found = []
    for currency in sorted({line.currency for line in fees.by_method}):
        of = [line for line in fees.by_method if line.currency == currency]
        gross, fee = sum(line.gross for line in of), sum(line.fee for line in of)
        found.append(
            say["verdict_sentence"].format(
                fee=Money(fee, currency).format(language),
                gross=Money(gross, currency).format(language),
                rate=percent(in_proportion(fee, of=gross, to=10_000)),
            )
        )
    for line in fees.covers:
        found.append(
            say["covered_sentence"].format(
                cover=Money(line.cover, line.currency).format(language),
                fee=Money(line.fee, line.currency).format(language),
                share=_share_of(line),
            )
        )
    for estimate in unfair:
        facts = {"currency": estimate.currency.upper(), "share": share(estimate.per_thousand)}
        found.append(say["unfair_sentence"].format(**facts))
    return found


def _share_of(line: CoveredInAll) -> str:
    return share(in_proportion(line.cover, of=line.fee, to=1000)) if line.fee > 0 else "–"


def _kept(fees: FeesOfMonth, language: str) -> Table:
    say = wording.words(language)["fees"]
    return Table(
        name=say["kept_sheet"],
        title=say["kept_title"],
        note=say["kept_note"],
        columns=[
            Column(say["account"], width=30),
            Column(say["currency"], width=10),
            Column(say["entries"], Kind.COUNT),
            Column(say["amount"], Kind.MONEY, is_summed=True),
        ],
        rows=[
            [
                wording.named("account", line.account.value, language),
                line.currency.upper(),
                line.entries,
                Money(line.amount, line.currency),
            ]
            for line in fees.kept
        ],
        total=say["total"],
        empty=say["no_fees"],
    )


def _by_method(fees: FeesOfMonth, language: str) -> Table:
    say = wording.words(language)["fees"]
    return Table(
        name=say["ways_sheet"],
        title=say["ways"],
        note=say["ways_note"],
        columns=[
            Column(say["way"], width=30),
            Column(say["given_in"], width=10),
            Column(say["gifts"], Kind.COUNT, is_summed=True),
            Column(say["gross"], Kind.MONEY, is_summed=True),
            Column(say["fee"], Kind.MONEY, is_summed=True),
            Column(say["rate"], width=12),
        ],
        rows=[
            [
                " ".join(filter(None, [line.method, line.card_brand])).replace("_", " "),
                line.gift_currency.upper(),
                line.gifts,
                Money(line.gross, line.currency),
                Money(line.fee, line.currency),
                percent(line.basis_points),
            ]
            for line in fees.by_method
        ],
        total=say["total"],
    )


def _covers(fees: FeesOfMonth, language: str) -> Table:
    say = wording.words(language)["fees"]
    return Table(
        name=say["covers_sheet"],
        title=say["covers"],
        note=say["covers_note"],
        columns=[
            Column(say["currency"], width=10),
            Column(say["gifts"], Kind.COUNT),
            Column(say["cover"], Kind.MONEY),
            Column(say["fee"], Kind.MONEY),
            Column(say["difference"], Kind.MONEY),
            Column(say["share"], width=12),
        ],
        rows=[
            [
                line.currency.upper(),
                line.gifts,
                Money(line.cover, line.currency),
                Money(line.fee, line.currency),
                Money(line.difference, line.currency),
                _share_of(line),
            ]
            for line in fees.covers
        ],
        empty=say["no_covers"],
    )


def _estimates(fees: FeesOfMonth, language: str) -> Table:
    say = wording.words(language)["fees"]
    return Table(
        name=say["estimates_sheet"],
        title=say["estimates"],
        note=say["estimates_note"],
        columns=[
            Column(say["currency"], width=10),
            Column(say["of_a_year"], Kind.COUNT),
            Column(say["fee"], Kind.MONEY),
            Column(say["asks"], width=18),
            Column(say["measured"], width=18),
            Column(say["asks_for"], width=14),
        ],
        rows=[
            [
                estimate.currency.upper(),
                estimate.gifts,
                Money(estimate.fee, estimate.currency),
                rate(estimate.basis_points, estimate.fixed, estimate.currency, language),
                rate(*estimate.measured, estimate.currency, language)
                if estimate.measured is not None
                else say["unknown"],
                share(estimate.per_thousand),
            ]
            for estimate in fees.estimates
        ],
        empty=say["no_estimates"],
    )


def _each(fees: FeesOfMonth, language: str) -> Table:
    say = wording.words(language)["fees"]
    rows: list[list[Cell]] = [
        [
            line.donation_id,
            line.day,
            Money(line.cover, line.currency),
            Money(line.fee, line.currency),
            Money(line.difference, line.currency),
        ]
        for line in fees.covered
    ]
    return Table(
        name=say["each_sheet"],
        title=say["each"],
        columns=[
            Column(say["gift"], Kind.ID),
            Column(say["day"], Kind.DAY),
            Column(say["cover"], Kind.MONEY, is_summed=True),
            Column(say["fee"], Kind.MONEY, is_summed=True),
            Column(say["difference"], Kind.MONEY, is_summed=True),
        ],
        rows=rows,
        total=say["total"],
    )


def _controls(fees: FeesOfMonth, language: str) -> list[Control]:
    """Stripe's own movements by method, against the account in the book."""
    say = wording.words(language)["fees"]["control"]
    currencies = sorted({line.currency for line in fees.by_method} | set(fees.booked))
    return [
        Control(
            what=f"{say['by_method']} {currency.upper()}",
            one=Money(sum(line.fee for line in fees.by_method if line.currency == currency), currency),
            against=say["in_the_book"],
            other=Money(fees.booked.get(currency, 0), currency),
        )
        for currency in currencies
    ]
