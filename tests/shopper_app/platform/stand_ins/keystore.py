"""The keystore: its keys can be lost."""

from stand_ins.java import Java, stand_in

KEYS = {}


@stand_in("java.security.KeyStore")
class KeyStore(Java):
    @staticmethod
    def getInstance(kind):
        return KeyStore()

    def load(self, parameters):
        """There is nothing to load."""

    def containsAlias(self, alias):
        return alias in KEYS

    def getKey(self, alias, password):
        return KEYS[alias]


@stand_in("android.security.keystore.KeyGenParameterSpec$Builder")
class KeyGenParameterSpecBuilder(Java):
    def __init__(self, alias, purposes):
        self._alias, self._set = alias, {}

    def setBlockModes(self, modes):
        self._set["modes"] = modes

    def setEncryptionPaddings(self, paddings):
        self._set["paddings"] = paddings

    def build(self):
        return self


@stand_in("javax.crypto.KeyGenerator")
class KeyGenerator(Java):
    @staticmethod
    def getInstance(algorithm, store):
        return KeyGenerator()

    def init(self, spec):
        self._spec = spec

    def generateKey(self):
        KEYS[self._spec._alias] = object()


class JavaException(Exception):
    classname = "javax.crypto.AEADBadTagException"


@stand_in("javax.crypto.spec.GCMParameterSpec")
class GCMParameterSpec(Java):
    def __init__(self, bits, start):
        self._start = start


@stand_in("javax.crypto.Cipher")
class Cipher(Java):
    @staticmethod
    def getInstance(transform):
        return Cipher()

    def init(self, mode, key, spec=None):
        self._mode, self._key = mode, key

    def getIV(self):
        return [-1] * 12  # Java's bytes are signed

    def doFinal(self, body):
        mark = id(self._key).to_bytes(8, "big")
        if self._mode == 1:
            return [byte - 256 if byte > 127 else byte for byte in mark + body[::-1]]
        if body[:8] != mark:
            raise JavaException("another key sealed it")
        return list(body[8:][::-1])
