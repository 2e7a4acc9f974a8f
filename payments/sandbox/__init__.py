"""A small stateful Stripe on loopback, in a process of its own, for the demo and the tests.

The official `stripe` library talks to it through `base_addresses`; nothing in here is imported by the rest
of the house, and nothing of the house is imported here. It answers with the field sets of one pinned API
version, refuses what that version refuses, and moves no money.
"""

API_VERSION = "2026-10-28.endive"
