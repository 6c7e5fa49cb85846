"""Backups: configuration, refusals, what is said of them."""
