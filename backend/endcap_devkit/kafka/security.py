"""SASL_SSL with PLAIN and ACLs, as on Confluent Cloud: certificates, users and the settings of both sides."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from endcap.errors import BadConfig


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user of the broker; on Confluent Cloud the two are called API key and secret."""

    name: str
    password: str


ADMIN = Credentials("admin", "admin-secret")
_PLAIN = "org.apache.kafka.common.security.plain.PlainLoginModule required"
CLIENT = Credentials("client", "client-secret")  # without rights until an ACL gives some


class Security:
    """The certificates of one broker, made by openssl in `folder`, and who may log in."""

    def __init__(self, folder: Path, users: tuple[Credentials, ...] = (ADMIN, CLIENT)) -> None:
        self.users = users
        self.ca = folder / "ca.pem"
        self._keystore = folder / "server.pem"
        if not self._keystore.exists():
            self._make_certificates(folder)

    def client_config(self, user: Credentials | None = None) -> dict[str, str]:
        """librdkafka's settings to log in as `user`, else as the administrator."""
        who = user or ADMIN
        return {
            "security.protocol": "SASL_SSL",
            "sasl.mechanisms": "PLAIN",
            "sasl.username": who.name,
            "sasl.password": who.password,
            "ssl.ca.location": str(self.ca),
        }

    def java_config(self, user: Credentials | None = None) -> dict[str, str]:
        """The Java clients' settings to log in as `user`, else as the administrator."""
        who = user or ADMIN
        return {
            "security.protocol": "SASL_SSL",
            "sasl.mechanism": "PLAIN",
            "sasl.jaas.config": f'{_PLAIN} username="{who.name}" password="{who.password}";',
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(self.ca),
        }

    def broker_properties(self, port: int, controller_port: int) -> dict[str, str]:
        """What the broker's settings say differently when it is secured."""
        logins = " ".join(f'user_{user.name}="{user.password}"' for user in self.users)
        return {
            "listeners": f"SASL_SSL://localhost:{port},CONTROLLER://127.0.0.1:{controller_port}",
            "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,SASL_SSL:SASL_SSL",
            "inter.broker.listener.name": "SASL_SSL",
            "sasl.enabled.mechanisms": "PLAIN",
            "sasl.mechanism.inter.broker.protocol": "PLAIN",
            "listener.name.sasl_ssl.plain.sasl.jaas.config": (
                f'{_PLAIN} username="{ADMIN.name}" password="{ADMIN.password}" {logins};'
            ),
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(self._keystore),
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(self.ca),
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": f"User:{ADMIN.name};User:ANONYMOUS",  # ANONYMOUS is the loopback controller listener
        }

    def _make_certificates(self, folder: Path) -> None:
        extensions = folder / "san.cnf"
        extensions.write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
        ca_key, key = folder / "ca.key", folder / "server.key"
        request, certificate = folder / "server.csr", folder / "server.crt"
        _openssl(f"req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=endcap-dev-ca -keyout {ca_key} -out {self.ca}")
        _openssl(f"req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout {key} -out {request}")
        _openssl(
            f"x509 -req -in {request} -CA {self.ca} -CAkey {ca_key} -CAcreateserial -days 30 "
            f"-extfile {extensions} -out {certificate}"
        )
        self._keystore.write_text(key.read_text() + certificate.read_text() + self.ca.read_text())
        self._keystore.chmod(0o600)


def _openssl(arguments: str) -> None:
    try:
        ran = subprocess.run(["openssl", *arguments.split(" ")], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise BadConfig("openssl", "certificates for the secured broker need it: apt-get install openssl") from None
    if ran.returncode:
        raise BadConfig("openssl", f"could not make the broker's certificates: {ran.stderr.strip()[-300:]}")
