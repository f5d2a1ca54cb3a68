"""One small network on real digits, in five styles."""
