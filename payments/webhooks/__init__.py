"""Stripe speaks; we store what it said, then translate it into deeds of the other rooms."""
