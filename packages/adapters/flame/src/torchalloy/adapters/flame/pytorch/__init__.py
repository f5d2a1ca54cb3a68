"""flame's PyTorch half: Process, events and the types that are injected."""
