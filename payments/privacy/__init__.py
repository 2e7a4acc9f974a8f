"""The person behind the gifts: found and shown for whoever answers them, and erased when they ask."""
