"""Helpers that thexp's users import by their place."""
