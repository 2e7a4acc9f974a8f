"""What an auditor asks for: a sample of gifts with their whole way, and who gave much."""
