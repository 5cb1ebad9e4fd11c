"""What librdkafka logs by itself goes to a logger of ours, at the level it deserves."""

from __future__ import annotations

import logging

_STARTING = (
    "load in progress: retrying"  # a broker that has just started; librdkafka goes on asking, and gets its answer
)


class _Passing(logging.Filter):
    """Makes information of a warning about what passes by itself; nobody has to do anything."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno <= logging.INFO or not record.getMessage().endswith(_STARTING):
            return True
        record.levelno, record.levelname = logging.INFO, logging.getLevelName(logging.INFO)
        return logging.getLogger(record.name).isEnabledFor(logging.INFO)


_PASSING = _Passing()


def client_log(name: str) -> logging.Logger:
    """The logger of that name, fit for the `logger` of a Kafka client."""
    logger = logging.getLogger(name)
    logger.addFilter(_PASSING)  # the same one again is none more
    return logger
