"""The third side: what the bank says, and the proof that gifts, Stripe and the bank agree to the cent."""
