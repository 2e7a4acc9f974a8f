"""The receipt book: what a gift's receipt says, its number, its page and the letter it travels with."""
