"""Korea: registration numbers kept apart, and the lists a designated body keeps and files."""
