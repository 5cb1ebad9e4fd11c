"""The match as Flink SQL: the seed's form and the grid's, and how it is submitted."""
