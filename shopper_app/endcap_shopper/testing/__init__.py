"""For tests of the app: a small store, a tiny shop that serves it, and a phone without a window."""
