"""Gifts: what was promised at checkout, what was really paid, and which fund it is for."""
