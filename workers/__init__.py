"""Thin hands: a bell comes in, a transaction opens, one call goes down."""
