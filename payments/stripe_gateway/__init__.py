"""The one place that speaks to Stripe: deeds in, small frozen shapes out.

`client` asks Stripe to do things, `billing` does so for gifts that repeat, both over `speaking`;
`signatures` decides whether Stripe is speaking, `shapes` reads what it said. Nothing else imports the
`stripe` library.
"""
