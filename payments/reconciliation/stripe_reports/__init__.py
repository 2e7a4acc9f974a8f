"""Stripe's own reports, taken in as a second witness: what they say of each movement, beside the book."""
