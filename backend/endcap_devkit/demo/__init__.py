"""The whole product in one process tree, and a page to look at."""
