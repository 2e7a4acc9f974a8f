"""A file is an event's name up to its last dot; a function is its last word."""
