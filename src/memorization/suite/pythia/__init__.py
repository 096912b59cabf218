"""The Pythia suite: what EleutherAI published of its models, data and labels, from the hub."""
