"""The HTTP API: one module a concern, each with a blueprint made from what it needs."""
