"""Secrets sealed with a key that never leaves the phone's keystore."""

from __future__ import annotations

import logging
from base64 import b64decode, b64encode
from pathlib import Path
from threading import RLock
from typing import Any

from endcap.device.android.bridge import JavaException, java
from endcap_shopper.platform.keptfile import KeptFile

log = logging.getLogger("endcap.shopper")

KEYSTORE, ALIAS = "AndroidKeyStore", "endcap.secrets"
TRANSFORM = "AES/GCM/NoPadding"
ENCRYPT, DECRYPT = 1, 2  # of Cipher, and of KeyProperties.PURPOSE_*
TAG_BITS = 128


class KeystoreSecrets:
    """AES-GCM with a key of Android's keystore; what is sealed is a file of the app's own. Any thread.

    A key can be lost (another lock screen, a restored phone): then what it sealed is gone, and the app signs in anew.
    """

    guarded = True

    def __init__(self, folder: Path) -> None:
        self._file = KeptFile(folder / "secrets.sealed")
        self._lock = RLock()

    def get(self, name: str) -> str | None:
        with self._lock:
            sealed = self._file.read().get(name)
            if sealed is None:
                return None
            try:
                return self._open(sealed)
            except (JavaException, ValueError, KeyError, TypeError) as fault:
                log.warning("a secret can't be unsealed any more: %s", type(fault).__name__)
                return None

    def set(self, name: str, value: str | None) -> None:
        with self._lock:
            kept = self._file.read()
            kept.pop(name, None)
            if value is not None:
                kept[name] = self._seal(value)
            self._file.write(kept)

    def _seal(self, value: str) -> dict[str, str]:
        try:
            cipher = java("javax.crypto.Cipher").getInstance(TRANSFORM)
            cipher.init(ENCRYPT, self._key())
            body = bytes(b & 0xFF for b in cipher.doFinal(value.encode()))
            start = bytes(b & 0xFF for b in cipher.getIV())
        except JavaException as fault:
            raise OSError(f"the phone's keystore refuses: {fault}") from fault
        return {"iv": b64encode(start).decode(), "body": b64encode(body).decode()}

    def _open(self, sealed: dict[str, str]) -> str:
        start, body = b64decode(sealed["iv"]), b64decode(sealed["body"])
        cipher = java("javax.crypto.Cipher").getInstance(TRANSFORM)
        cipher.init(DECRYPT, self._key(), java("javax.crypto.spec.GCMParameterSpec")(TAG_BITS, start))
        return bytes(b & 0xFF for b in cipher.doFinal(body)).decode()

    def _key(self) -> Any:
        store = java("java.security.KeyStore").getInstance(KEYSTORE)
        store.load(None)
        if not store.containsAlias(ALIAS):
            self._make_key()
            store.load(None)
        return store.getKey(ALIAS, None)

    def _make_key(self) -> None:
        builder = java("android.security.keystore.KeyGenParameterSpec$Builder")(ALIAS, ENCRYPT | DECRYPT)
        builder.setBlockModes(["GCM"])
        builder.setEncryptionPaddings(["NoPadding"])
        generator = java("javax.crypto.KeyGenerator").getInstance("AES", KEYSTORE)
        generator.init(builder.build())
        generator.generateKey()
