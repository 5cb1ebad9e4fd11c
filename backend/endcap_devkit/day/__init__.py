"""A day of shopping through the real match and decision, on a clock that is turned by hand, with everything checked."""
