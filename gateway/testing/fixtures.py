"""Pytest fixtures of the gateway."""
