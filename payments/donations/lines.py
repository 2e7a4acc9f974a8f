"""A gift as the book reads it: which part of it goes to which account and fund.

Whoever books a gift, or money that goes back, asks here, so that it goes back over the same lines.
"""

from collections.abc import Mapping

from payments.donations.models import Donation, Fund
from payments.donations.offline import Channel
from payments.ledger.accounts import Account
from payments.ledger.rules import Gift, Line

_THINGS = frozenset({Channel.STOCK.value, Channel.IN_KIND.value})


def gift_of(donation: Donation, funds: Mapping[str, Fund]) -> Gift:
    """The funds it is for, what covers the fee, and what the donor got for it.

    A benefit is taken from the funds in their order, so what is left of each is a contribution.
    """
    given = Account.CONTRIBUTIONS_IN_KIND if donation.channel in _THINGS else Account.CONTRIBUTIONS
    lines: list[Line] = []
    benefit = donation.benefit_amount
    for allocation in donation.allocations:
        sold = min(benefit, allocation.amount)
        benefit -= sold
        account = Account.AGENCY_OBLIGATIONS if funds[allocation.fund_id].is_agency else given
        lines.append(Line(account, allocation.amount - sold, allocation.fund_id))
    lines.append(Line(Account.CONTRIBUTIONS_FEE_COVER, donation.fee_cover_amount - benefit))
    lines.append(Line(Account.BENEFITS_EXCHANGED, donation.benefit_amount))
    return Gift(donation_id=donation.id, lines=tuple(line for line in lines if line.weight))
