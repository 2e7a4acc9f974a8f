"""What leaves for other programs: numbered batches, each entry once a target. A file a format."""
