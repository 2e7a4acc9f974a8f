"""A year in a few minutes: a town of donors who join, forget, move, fall short and come back, lived through
with the real doors, the real worker and a sandbox whose clock runs ahead."""
