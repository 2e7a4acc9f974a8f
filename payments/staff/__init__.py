"""People who work with the gifts: who they are, what they may do, and what they did."""
