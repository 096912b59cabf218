"""How good predictions are: cross-fitting, the cluster bootstrap, and ``metrics``."""
