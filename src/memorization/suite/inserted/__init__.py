"""A suite into whose training texts were inserted as often as a lottery said: Hubble."""
