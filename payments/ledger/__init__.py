"""The book: what moved from which account to which, for good.

A move has a from, a to and a positive amount, so every entry balances by construction. Entries are
only ever added; a mistake is reversed in the open.
"""
