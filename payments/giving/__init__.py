"""All that one donor gave, shown to that donor: mailed link, session, history and papers."""
