"""The proof that the book is true, asked of the database itself: `almoner ledger verify`.

One law is one statement over sets (`checks.py` lists them all), read in one snapshot, so that work
going on meanwhile can neither disturb the proof nor be disturbed by it. Nothing is ever written.
"""
