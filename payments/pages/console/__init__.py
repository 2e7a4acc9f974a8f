"""What staff look at all day: the console. Reading only; whatever changes something is done elsewhere."""
