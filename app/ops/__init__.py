"""Watching the service: metrics and logs."""
