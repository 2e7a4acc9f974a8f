"""Mail that is owed: an outbox in the database, and the way from there to an SMTP server."""
