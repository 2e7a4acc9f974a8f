"""What banks send: one reader a format, each from bytes to the same plain statements."""
