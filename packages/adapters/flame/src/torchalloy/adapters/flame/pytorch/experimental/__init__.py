"""flame's event engine and its container."""
