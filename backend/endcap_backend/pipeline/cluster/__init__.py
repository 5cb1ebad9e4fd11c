"""The cluster around the backend: is it well, and make it so. Topics, rights, ksqlDB's statements, Connect's sink."""
