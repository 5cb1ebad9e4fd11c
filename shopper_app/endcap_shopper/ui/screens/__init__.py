"""One page each: a `.py` that turns a view into rows, a `.kv` that says how they look."""
