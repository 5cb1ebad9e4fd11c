"""A real Apache Flink on this machine: its jars, and a session cluster with its SQL gateway."""
