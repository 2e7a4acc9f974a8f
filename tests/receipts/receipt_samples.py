"""Receipts to read in tests: a US gift with a fee cover, and one to a Korean office without designation."""

from dataclasses import replace
from datetime import date
from typing import Any

from payments.receipts import statements
from payments.receipts.content import EntityContent, ReceiptContent, ReceiptLine
from payments.receipts.summary import GivingSummary, SummaryGift, ThroughOthers

US_ENTITY = EntityContent(
    legal_name="Open Harbor",
    address=("1200 Seaside Avenue, Suite 4", "Torrance, CA 90501", "USA"),
    tax_id="20-1234567",
    jurisdiction="US",
    website="https://www.example.org/",
    email="giving@example.org",
    signatory_name="Hannah Song",
    signatory_title="Executive Director",
)
KOREAN_ENTITY = EntityContent(
    legal_name="사단법인 열린항구",
    address=("서울특별시 중구 세종대로 110, 7층", "04524"),
    tax_id="123-82-45678",
    jurisdiction="KR",
    website="https://kr.example.org",
    email="hello@example.org",
    signatory_name="박소영",
    signatory_title="대표",
)


def us_receipt(**changes: Any) -> ReceiptContent:
    """$257.50 to two funds with the costs covered, by Visa, in honor of somebody."""
    content = ReceiptContent(
        number="US-2026-000123",
        kind="gift",
        issued_on=date(2026, 3, 4),
        gift_date=date(2026, 3, 3),
        locale="en",
        donor_name="Margaret O’Sullivan",
        amount_minor=25750,
        currency="usd",
        lines=(
            ReceiptLine(fund_name="Safe passage", amount_minor=20000),
            ReceiptLine(fund_name="Where it is needed most", amount_minor=5000),
            ReceiptLine(fund_name="", amount_minor=750, is_fee_cover=True),
        ),
        entity=US_ENTITY,
        statement_code="us_no_goods_or_services",
        statement_version=statements.current("us_no_goods_or_services").version,
        method_kind="card",
        card_brand="visa",
        last4="4242",
        dedication_kind="in_honour",
        dedication_name="Grandma Rose",
        verification_code="A7KQ-M2XP-9RTD",
        verification_url="https://give.example.org/verify/US-2026-000123/A7KQ-M2XP-9RTD",
    )
    return replace(content, **changes)


def korean_receipt(**changes: Any) -> ReceiptContent:
    """₩50,000 to the office that is not designated, by Mastercard."""
    content = us_receipt(
        number="KR-2026-000007",
        locale="ko",
        donor_name="김영희",
        amount_minor=50_000,
        currency="krw",
        lines=(ReceiptLine(fund_name="안전한 길", amount_minor=50_000),),
        entity=KOREAN_ENTITY,
        statement_code="kr_not_designated",
        statement_version=statements.current("kr_not_designated").version,
        card_brand="mastercard",
        dedication_kind=None,
        dedication_name=None,
        verification_code=None,
        verification_url=None,
    )
    return replace(content, **changes)


def a_statement(**changes: Any) -> GivingSummary:
    """A year of a donor's gifts to the US body: money, a gala seat, coats, and a match by the employer."""
    content = GivingSummary(
        number="US-A-2026-000042",
        kind="annual",
        issued_on=date(2027, 1, 12),
        period_from=date(2026, 1, 1),
        period_until=date(2026, 12, 31),
        locale="en",
        donor_name="Margaret O’Sullivan",
        gifts=(
            SummaryGift(
                gift_date=date(2026, 2, 3),
                receipt_number="US-2026-000007",
                fund_name="Safe passage",
                amount_minor=5_000,
                currency="usd",
            ),
            SummaryGift(
                gift_date=date(2026, 3, 3),
                receipt_number="US-2026-000123",
                fund_name="Safe passage, Where it is needed most",
                amount_minor=25_750,
                currency="usd",
            ),
            SummaryGift(
                gift_date=date(2026, 6, 20),
                receipt_number="US-2026-000410",
                fund_name="Where it is needed most",
                amount_minor=20_000,
                currency="usd",
                benefit_minor=4_000,
                benefit_text="Two seats at the Lantern Gala",
            ),
            SummaryGift(
                gift_date=date(2026, 9, 9),
                receipt_number="US-2026-000688",
                fund_name="Safe passage",
                amount_minor=50_000,
                currency="krw",
            ),
            SummaryGift(
                gift_date=date(2026, 11, 30),
                receipt_number="US-2026-000901",
                fund_name="Safe passage",
                amount_minor=0,
                currency="usd",
                description="40 winter coats, new, in adult sizes",
            ),
        ),
        through_others=(
            ThroughOthers(
                gift_date=date(2026, 4, 1),
                payer_name="Harbor Instruments, Inc.",
                amount_minor=25_000,
                currency="usd",
            ),
        ),
        entity=US_ENTITY,
        statement_code="us_annual_with_benefits",
        statement_version=1,
        verification_code="A1B2-C3D4-E5F6",
        verification_url="https://give.example.org/verify/US-A-2026-000042/A1B2-C3D4-E5F6",
    )
    return replace(content, **changes)
