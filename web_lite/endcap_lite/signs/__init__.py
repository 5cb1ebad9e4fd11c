"""Signs: what hangs at a shelf, proves that somebody stood there, and works where no satellite reaches."""
