"""One real broker as a laptop has it and one secured as Confluent Cloud, for all tests of the cluster's commands."""

import subprocess
from pathlib import Path
from zipfile import ZipFile

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from endcap.messages import VALID_PROMOTIONS
from endcap_backend.pipeline.cluster.listing import await_listing
from endcap_backend.pipeline.cluster.topics import topics
from endcap_backend.pipeline.kafka import KafkaSettings
from endcap_devkit.kafka.broker import KafkaBroker
from endcap_devkit.kafka.jars import java, kafka_classpath
from endcap_devkit.maven import jars_listed_in

WAIT_S = 30
RECORDER = Path(__file__).parent / "recorder"
OTHERS = ("__", "endcap-connect-")  # the broker's own topics, and those of a Connect worker


def warmed(broker):
    """The first transaction makes the brokers' own topic of transactions, which may take a while."""
    Producer(broker.client_config() | {"transactional.id": "warm"}).init_transactions(WAIT_S)
    return broker


@pytest.fixture(scope="package")
def plain():
    with KafkaBroker() as broker:
        yield warmed(broker)


@pytest.fixture(scope="package")
def secured():
    with KafkaBroker(secure=True) as broker:
        yield warmed(broker)


@pytest.fixture(scope="package")
def recorder(tmp_path_factory):
    """A folder of Connect's plugins: the recording converter, by a compiler that a JRE runs."""
    (compiler,) = jars_listed_in(RECORDER / "pom.xml", "compiler").glob("*.jar")
    api = [str(jar) for jar in Path(kafka_classpath(connect=True)).parent.glob("*.jar")]
    classes, plugin = tmp_path_factory.mktemp("classes"), tmp_path_factory.mktemp("plugins") / "recorder"
    order = [java(), "-jar", str(compiler), "-17", "-failOnWarning", "-cp", ":".join(api), "-d", str(classes)]
    done = subprocess.run([*order, str(RECORDER)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    plugin.mkdir()
    with ZipFile(plugin / "recorder.jar", "w") as jar:
        jar.writestr("META-INF/services/org.apache.kafka.connect.storage.Converter", "dev.endcap.RecordingConverter\n")
        for found in classes.rglob("*.class"):
            jar.write(found, found.relative_to(classes))
    return plugin.parent


@pytest.fixture
def emptied():
    """Takes every topic off a broker, so that each test begins with none."""

    def empty(broker):
        admin = AdminClient(broker.client_config())
        names = [name for name in admin.list_topics(timeout=WAIT_S).topics if not name.startswith(OTHERS)]
        if names:
            for name, future in admin.delete_topics(names).items():
                future.result(WAIT_S)
                await_listing(admin, name, there=False)
        return broker

    return empty


@pytest.fixture
def settings(plain, emptied):
    return KafkaSettings(emptied(plain).bootstrap)


@pytest.fixture
def as_user(secured):
    """The settings of a user of the secured broker."""

    def user(name="admin", password=None, **others):
        login = {"kafka_sasl_username": name, "kafka_sasl_password": password or f"{name}-secret"}
        given = {"kafka_bootstrap_servers": secured.bootstrap, "kafka_ca_file": str(secured.security.ca)}
        return KafkaSettings(**given | login | others)

    return user


@pytest.fixture
def make_topics():
    """The product's topics but for those left out, and the one of the seed's joins; a setting may differ."""

    def make(broker, without=(), **config):
        admin = AdminClient(broker.client_config())
        wanted = [each for each in topics() if each.name not in without]
        seeds = NewTopic(VALID_PROMOTIONS, 1)
        each_topic = [NewTopic(each.name, 1, config=dict(each.config) | config) for each in wanted]
        made = admin.create_topics([*each_topic, seeds])
        for name, future in made.items():
            future.result(WAIT_S)
            await_listing(admin, name, there=True)

    return make
