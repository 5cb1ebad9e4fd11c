"""Made-up input: the three generators of the original tutorial, stores with shelves, and shoppers who walk them."""
