"""The test cards worth showing to a person, with what each one does."""

from __future__ import annotations

from payments.sandbox.cards import KOREAN_CARD

TEST_CARDS = (
    ("4242424242424242", "Visa, pays"),
    ("5555555555554444", "Mastercard, pays"),
    (KOREAN_CARD, "Visa issued in Korea, pays"),
    ("4000000000000077", "Visa, pays and is available at once"),
    ("4000002760003184", "Asks for 3-D Secure every time, at every renewal too"),
    ("4000002500003155", "Asks for 3-D Secure once, then renews by itself"),
    ("4000000000000341", "Can be kept for later, and then refuses every renewal"),
    ("4000000000000002", "Declined"),
    ("4000000000009995", "Declined: insufficient funds"),
    ("4000000000009987", "Declined: lost card"),
    ("4000000000000069", "Declined: expired card"),
    ("4000000000000127", "Declined: wrong security code"),
    ("4000000000000119", "Declined: processing error"),
)
