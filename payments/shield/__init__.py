"""A room: who may open a payment page and how often, so that stolen cards are not tried out here."""
