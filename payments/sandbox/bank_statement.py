"""The charity's bank, as far as Stripe's payouts reach it: a statement in CAMT.053 (ISO 20022, version 08).

What arrives is noted when it does (payouts.py); nothing else ever happens on this account.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from xml.sax.saxutils import escape

from payments.sandbox.currencies import CURRENCIES
from payments.sandbox.errors import Refusal
from payments.sandbox.store import Thing
from payments.sandbox.world import World


def note(world: World, payout: Thing, amount: int, *, what: str, at: float) -> None:
    """A line of the bank: money that came, or went back."""
    world.store.save(
        "bank_booking",
        {
            "id": f"{payout['id']}-{what.lower() or 'arrival'}",
            "currency": payout["currency"],
            "amount": amount,
            "day": datetime.fromtimestamp(at, UTC).date().isoformat(),
            "text": f"STRIPE {payout['statement_descriptor'] or 'PAYOUT'} {what}".strip(),
            "payout": payout["id"],
        },
    )


def camt053(world: World, *, currency: str, first_day: date, last_day: date) -> str:
    """Everything booked on these days, with the balances around it."""
    if currency not in CURRENCIES:
        raise Refusal(f"Invalid currency: {currency}", param="currency")
    if last_day < first_day:
        raise Refusal("The last day is before the first.", param="to")
    booked = [each for each in world.store.all("bank_booking") if each["currency"] == currency]
    before = sum(each["amount"] for each in booked if each["day"] < first_day.isoformat())
    within = [each for each in booked if first_day.isoformat() <= each["day"] <= last_day.isoformat()]
    within.sort(key=lambda each: each["day"])
    closing = before + sum(each["amount"] for each in within)
    return f"""\
<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08">
  <BkToCstmrStmt>
    <GrpHdr><MsgId>{currency}-{last_day}</MsgId><CreDtTm>{last_day}T23:59:59Z</CreDtTm></GrpHdr>
    <Stmt>
      <Id>{currency}-{first_day}-{last_day}</Id>
      <FrToDt><FrDtTm>{first_day}T00:00:00Z</FrDtTm><ToDtTm>{last_day}T23:59:59Z</ToDtTm></FrToDt>
      <Acct><Id><Othr><Id>{account_number(currency)}</Id></Othr></Id><Ccy>{currency.upper()}</Ccy></Acct>
      {_balance("OPBD", before, currency, first_day)}
      {_balance("CLBD", closing, currency, last_day)}
{"".join(_entry(world, each) for each in within)}    </Stmt>
  </BkToCstmrStmt>
</Document>
"""


def account_number(currency: str) -> str:
    """One account for each currency."""
    return f"SANDBOX{currency.upper()}"


def _balance(code: str, amount: int, currency: str, day: date) -> str:
    return (
        f"<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp>{_amount(amount, currency)}"
        f"<Dt><Dt>{day}</Dt></Dt></Bal>"
    )


def _amount(amount: int, currency: str) -> str:
    written = Decimal(abs(amount)).scaleb(-CURRENCIES[currency].decimals)
    way = "CRDT" if amount >= 0 else "DBIT"
    return f'<Amt Ccy="{currency.upper()}">{written}</Amt><CdtDbtInd>{way}</CdtDbtInd>'


def _entry(world: World, booked: Thing) -> str:
    trace = world.find("payout", booked["payout"])["trace_id"]["value"]
    reference = f"<EndToEndId>{trace}</EndToEndId>" if trace else ""
    return f"""\
      <Ntry>
        {_amount(booked["amount"], booked["currency"])}
        <Sts><Cd>BOOK</Cd></Sts>
        <BookgDt><Dt>{booked["day"]}</Dt></BookgDt>
        <AcctSvcrRef>{escape(booked["id"])}</AcctSvcrRef>
        <NtryDtls><TxDtls><Refs>{reference}</Refs>
          <RmtInf><Ustrd>{escape(booked["text"])}</Ustrd></RmtInf></TxDtls></NtryDtls>
      </Ntry>
"""
