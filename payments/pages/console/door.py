"""Every screen of the console under one roof: `/console` and what lies below it.

Each screen is a module of its own. Reading needs any role, a deed a role of its room; whoever is not
signed in is shown the way.
"""

from fastapi import APIRouter

from payments.pages.console import (
    bank,
    bank_deeds,
    bank_file,
    book,
    closing,
    exception_deeds,
    exceptions,
    finding,
    gift,
    gifts,
    home,
    money_back,
    monthly,
    monthly_deeds,
    months,
    offline,
    paper_deeds,
    payouts,
    receipt_deeds,
    receipts,
    refunds,
    suspense,
)

router = APIRouter(include_in_schema=False, max_body_size=16 * 1024)
for screen in (
    *(
        home,
        finding,
        gifts,
        gift,
        payouts,
        bank,
        bank_deeds,
        bank_file,
        exceptions,
        exception_deeds,
        suspense,
    ),
    *(money_back, book, months, closing, receipts, receipt_deeds, monthly, monthly_deeds, refunds),
    *(offline, paper_deeds),
):
    router.include_router(screen.router, prefix="/console")
