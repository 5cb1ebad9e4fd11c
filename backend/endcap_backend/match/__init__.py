"""The match: which promotions lie within 100 ft of a shopper. Parity mode is ksqlDB's answer, product mode is ours."""
