"""The chart of accounts: the default names; an organisation may rename them, not change what they mean."""

from enum import StrEnum


class Kind(StrEnum):
    """Which side of the books an account belongs to; assets and expenses grow on the debit side."""

    ASSET = "asset"
    LIABILITY = "liability"
    INCOME = "income"
    CONTRA_INCOME = "contra income"
    EXPENSE = "expense"
    EQUITY = "equity"


class Account(StrEnum):
    """Kept per legal entity and currency; gifts and what goes back of them also per fund."""

    STRIPE_BALANCE = "stripe_balance"
    """The sum of `net` of all balance transactions, pending and available."""
    PAYOUTS_IN_TRANSIT = "payouts_in_transit"
    BANK = "bank"
    UNDEPOSITED_FUNDS = "undeposited_funds"
    DISPUTED_FUNDS = "disputed_funds"
    STRIPE_RESERVE = "stripe_reserve"
    SUSPENSE_UNCLASSIFIED = "suspense_unclassified"
    """What no rule knows; the month cannot close while it is not zero."""
    CONTRIBUTIONS = "contributions"
    CONTRIBUTIONS_FEE_COVER = "contributions_fee_cover"
    CONTRIBUTION_REFUNDS = "contribution_refunds"
    CHARGEBACKS = "chargebacks"
    FX_GAIN_LOSS = "fx_gain_loss"
    PROCESSING_FEES = "processing_fees"
    DISPUTE_FEES = "dispute_fees"
    STRIPE_SERVICE_FEES = "stripe_service_fees"
    REFUNDS_PAYABLE = "refunds_payable"
    """A refund failed, the money came back, and it is still owed to the donor."""
    GIFTS_IN_KIND = "gifts_in_kind"
    """Stock and things, at the value a person put on them."""
    CONTRIBUTIONS_IN_KIND = "contributions_in_kind"
    AGENCY_OBLIGATIONS = "agency_obligations"
    """Taken for a named beneficiary and owed to it: never income of the charity's."""
    UNIDENTIFIED_RECEIPTS = "unidentified_receipts"
    """On the bank statement, and nobody knows from whom."""
    BENEFITS_EXCHANGED = "benefits_exchanged"
    """The part of a payment for which the donor got something: a sale, not a gift."""
    OTHER_RECEIPTS = "other_receipts"
    """Money on the same Stripe account that is no gift: a shop, tickets, another platform."""
    OPENING_BALANCE = "opening_balance"
    """What was there before this book begins: gifts that stand in an older one."""

    @property
    def kind(self) -> Kind:
        """Its side of the books."""
        return _KINDS[self]

    @property
    def is_kept_by_fund(self) -> bool:
        """Whether it tells the funds apart: gifts do, and what is owed to named beneficiaries."""
        return self in _KEPT_BY_FUND


_KINDS = {
    Account.STRIPE_BALANCE: Kind.ASSET,
    Account.PAYOUTS_IN_TRANSIT: Kind.ASSET,
    Account.BANK: Kind.ASSET,
    Account.UNDEPOSITED_FUNDS: Kind.ASSET,
    Account.DISPUTED_FUNDS: Kind.ASSET,
    Account.STRIPE_RESERVE: Kind.ASSET,
    Account.SUSPENSE_UNCLASSIFIED: Kind.ASSET,
    Account.CONTRIBUTIONS: Kind.INCOME,
    Account.CONTRIBUTIONS_FEE_COVER: Kind.INCOME,
    Account.CONTRIBUTION_REFUNDS: Kind.CONTRA_INCOME,
    Account.CHARGEBACKS: Kind.CONTRA_INCOME,
    Account.FX_GAIN_LOSS: Kind.EXPENSE,
    Account.PROCESSING_FEES: Kind.EXPENSE,
    Account.DISPUTE_FEES: Kind.EXPENSE,
    Account.STRIPE_SERVICE_FEES: Kind.EXPENSE,
    Account.REFUNDS_PAYABLE: Kind.LIABILITY,
    Account.GIFTS_IN_KIND: Kind.ASSET,
    Account.CONTRIBUTIONS_IN_KIND: Kind.INCOME,
    Account.AGENCY_OBLIGATIONS: Kind.LIABILITY,
    Account.UNIDENTIFIED_RECEIPTS: Kind.LIABILITY,
    Account.BENEFITS_EXCHANGED: Kind.INCOME,
    Account.OTHER_RECEIPTS: Kind.INCOME,
    Account.OPENING_BALANCE: Kind.EQUITY,
}

_KEPT_BY_FUND = frozenset(
    {
        Account.CONTRIBUTIONS,
        Account.CONTRIBUTIONS_IN_KIND,
        Account.CONTRIBUTION_REFUNDS,
        Account.CHARGEBACKS,
        Account.AGENCY_OBLIGATIONS,
    }
)
