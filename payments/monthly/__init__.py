"""Gifts that repeat: how they begin, what Stripe makes of them, and how a donor steers them."""
