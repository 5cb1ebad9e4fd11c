"""The shop's own data: what stands where, and what is promoted."""
