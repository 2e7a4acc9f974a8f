"""The one place that speaks to Stripe: deeds in, small frozen shapes out.

`client` asks Stripe to do things, `signatures` decides whether Stripe is speaking, `shapes` reads
what it said. Nothing else imports the `stripe` library.
"""
