"""The match as Flink SQL: the seed's form, the grid's and the product's, and how it is submitted."""
