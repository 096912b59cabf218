"""What a smaller model's memory, or the target's own early one, tells of what a model memorizes."""
