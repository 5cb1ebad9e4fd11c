"""Variables: every `ENDCAP_…` that something of ours reads, to tell whoever misspells one.

The commands warn at their start. The SDK in a host's app does not: its environment is the host's.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from difflib import get_close_matches

PREFIX = "ENDCAP_"
LIKE = 0.7  # of 1, as difflib counts: PROT is 0.75 like PORT; what Kubernetes names after a service stays below
_READ = """
ABLY_ENDPOINT ABLY_KEY ABLY_KEY_FILE ALERTS_PER_DAY ALERTS_PER_FIX ALERTS_PER_HOUR ALERTS_PER_PROMOTION
ALERTS_PER_VISIT ALERT_COOLDOWN_S ALERT_LIFE_MINUTES ALLOW_HTTP ALLOW_MOCK BACKEND_URL BATCH_SIZE CACHE
CONNECTIONS CONNECT_PASSWORD CONNECT_PASSWORD_FILE CONNECT_URL CONNECT_USERNAME CORS_ORIGINS COUNTRY CURRENCY DATA
DATABASE_URL DATABASE_URL_FILE DURABILITY FLINK_BUFFER_MS FLINK_CHECKPOINT_DIR FLINK_CHECKPOINT_S FLINK_CONNECTOR
FLINK_FORM FLINK_GUARANTEE FLINK_HOME FLINK_IDLE_S FLINK_KEEP_S FLINK_LATE_S FLINK_LIVE_S FLINK_LOCATION_WINDOW_S
FLINK_NAME FLINK_PARALLELISM FLINK_PROMOTIONS_BY FLINK_PROMOTION_WINDOW_S FLINK_STANDING_S FLINK_STATE
FLINK_TOPIC_PREFIX HELD_OUT_PERCENT HELP_AFTER_S HOST KAFKA_BOOTSTRAP_SERVERS KAFKA_CA_FILE KAFKA_SASL_MECHANISM
KAFKA_SASL_PASSWORD KAFKA_SASL_PASSWORD_FILE KAFKA_SASL_USERNAME KAFKA_SECURITY_PROTOCOL KEEP_ALERTS_H
KEEP_EVENTS_H KEEP_LOCATIONS_H KSQLDB_PASSWORD KSQLDB_PASSWORD_FILE KSQLDB_URL KSQLDB_USERNAME LITE_ABLY_ENDPOINT
LITE_BACKEND_URL LITE_COUNTRY LITE_DATA LITE_HOST LITE_KEPT_HOURS LITE_PORT LITE_PUBLIC_URL LITE_STORE_NAME
LITE_TRUSTED_PROXY LITE_URL LITE_ZONES LOG_FORMAT LOG_LEVEL LOYALTY_POINTS_DAYS LOYALTY_POINTS_PER_UNIT
LOYALTY_TIERS MAX_ACCURACY_M MAX_AGE_S MAX_BODY_KB MAX_RECORDS MAX_SPEED_M_S MIN_FREE_MB OUTBOX_CAPACITY
OUTBOX_MAX_BYTES PIPELINE PORT PRESET PRIVACY PUSH_CONTACT PUSH_HOSTS QUIET_HOURS RAW_NAMES REFRESH_DAYS
REMOTE_CONFIG REQUEST_TIMEOUT_S RETENTION_H ROUTE SECRET SECRET_FILE SESSIONS_BURST SESSIONS_PER_S SHOP_FENCES
SIGN_IN_BURST SIGN_IN_PER_S STAFF_SESSION_HOURS STORAGE_DIR STORE THREADS TILL_PASSWORD TIMEZONE TOKEN_MINUTES
TRUSTED_PROXY URL USER_FIXES_BURST USER_FIXES_PER_S USER_REQUESTS_BURST USER_REQUESTS_PER_S WAITING
"""
KNOWN = frozenset(_READ.split())  # without the prefix


def misspelt(environ: Mapping[str, str]) -> dict[str, str]:
    """Each variable that nothing reads though its name is like one that is read: its name, and the nearest."""
    near = {}
    for variable in sorted(environ):
        name = variable.removeprefix(PREFIX)
        if name != variable and name not in KNOWN and (found := get_close_matches(name, sorted(KNOWN), 1, LIKE)):
            near[variable] = PREFIX + found[0]
    return near


def warn_of_misspelt(program: str, environ: Mapping[str, str]) -> None:
    """One line on standard error, when there is one; values are never shown."""
    if near := misspelt(environ):
        said = ", ".join(f"{wrong} (is it {right}?)" for wrong, right in near.items())
        print(f"{program}: warning: nothing reads {said}", file=sys.stderr)  # noqa: T201
