"""People who give. A donor list of this cause is sensitive: names and addresses live here alone."""
