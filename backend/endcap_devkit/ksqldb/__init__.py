"""ksqlDB's REST interface on this machine: it reads and judges statements, and runs none of them."""
