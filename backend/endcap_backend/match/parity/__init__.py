"""Parity mode: row for row what ksqlDB emits for the seed's five statements, on any input.

From the bytes of a record to the text of a row: `encoding` (bytes to text) -> `jackson` (text to JSON) -> `columns`
(JSON to a row's columns) -> `engine` (the two joins) -> `java_text` (columns to text).
"""
