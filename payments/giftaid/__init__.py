"""Gift Aid: what a British donor declares, and what the charity claims back of their tax."""
