"""How the shop's tables came to be, step by step."""
