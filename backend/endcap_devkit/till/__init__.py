"""A till to try the shop with: scans a code, verifies it offline, redeems a basket, prints a receipt."""
