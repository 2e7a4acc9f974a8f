"""Adopting a Stripe account on which another platform took gifts: its history, read and never written."""
