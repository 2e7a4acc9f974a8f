"""A charity whose Stripe speaks to it, and the person who looks after its receipts."""

from tests.receipts.conftest import charity, finn

__all__ = ["charity", "finn"]
