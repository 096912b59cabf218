"""What a scan or a whole population will cost, before it is begun."""
