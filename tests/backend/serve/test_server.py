"""The API over real sockets."""

import gzip
import json
import signal
import socket
from sys import byteorder
from threading import Barrier, Event, Thread
from time import monotonic
from urllib.parse import urlsplit

import httpx
import pytest

from endcap.errors import BadConfig

A_FIX = {"latitude": 60.1, "longitude": 24.9}


def connected(url):
    parts = urlsplit(url)
    return socket.create_connection((parts.hostname, parts.port), timeout=20)


def segments_in(client):
    """How many pieces of data have come in: `tcpi_data_segs_in` of Linux's tcp_info."""
    return int.from_bytes(client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 160)[152:156], byteorder)


def test_a_fix_goes_over_the_wire_and_onto_the_disk(start_backend, phone):
    backend = start_backend()
    answer = phone(backend.url).post("/v1/locations", json={"locations": [A_FIX]})
    assert (answer.status_code, answer.json()["accepted"]) == (202, 1)
    assert len(backend.log.read(0)) == 1


def test_one_connection_serves_many_requests(start_backend, phone):
    client = phone(start_backend().url)
    for number in range(5):
        assert client.post("/v1/locations", json={"locations": [{**A_FIX, "id": f"i:{number}"}]}).status_code == 202


def test_an_answer_leaves_in_one_piece(start_backend):
    """Head and body, of three requests on one connection, as the kernel counts what arrives."""
    with connected(start_backend().url) as client:
        for count in (1, 2, 3):
            client.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            answer = b""
            while not answer.endswith(b"}"):
                answer += client.recv(4096)
            assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
            assert segments_in(client) == count


def test_a_packed_body_in_chunks_is_read(start_backend, phone):
    packed = gzip.compress(json.dumps({"locations": [A_FIX] * 300}).encode())
    chunks = (packed[start : start + 100] for start in range(0, len(packed), 100))
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    answer = phone(start_backend().url).post("/v1/locations", content=chunks, headers=headers)
    assert answer.json()["accepted"] == 300


def test_phones_at_the_same_time_are_all_served(start_backend, phone):
    backend = start_backend(threads=8)
    phones = [phone(backend.url) for _ in range(20)]
    start = Barrier(20)

    def walk(client):
        start.wait()
        for number in range(10):
            client.post("/v1/locations", json={"locations": [{**A_FIX, "id": f"i:{number}"}]}).raise_for_status()

    threads = [Thread(target=walk, args=(client,)) for client in phones]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(backend.log.read(0, limit=1000)) == 200


def test_half_a_request_holds_nobody_up(start_backend, phone):
    backend = start_backend(threads=1)
    half = connected(backend.url)
    half.sendall(b"POST /v1/locations HTTP/1.1\r\nHost: shop\r\nContent-Length: 1000\r\n\r\n{")
    assert phone(backend.url).get("/v1/me/consent").status_code == 200
    half.close()


@pytest.mark.parametrize(
    "raw",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",  # TLS to a plain port
        b"GET / HTTP/nine\r\n\r\n",
        b"GARBAGE\r\n\r\n",
        b"POST /v1/locations HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
        b"POST /v1/locations HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nZ\r\n",
        b"GET /healthz HTTP/1.1\r\nX: " + b"x" * 70_000 + b"\r\n\r\n",
        b"POST /v1/locations HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n",
    ],
    ids=["tls", "version", "garbage", "negative length", "two lengths", "long header", "long body"],
)
def test_what_is_no_http_gets_a_4xx_and_the_next_one_is_served(start_backend, raw):
    backend = start_backend()
    with connected(backend.url) as odd:
        odd.sendall(raw)
        line = odd.makefile("rb").readline()
    assert line == b"" or line.split()[1].startswith(b"4")
    assert httpx.get(f"{backend.url}/healthz").status_code == 200


def test_a_proxy_that_is_trusted_tells_where_a_request_came_from(start_backend):
    backend = start_backend(trusted_proxy="127.0.0.1")
    answer = httpx.get(f"{backend.url}/healthz", headers={"X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.9"})
    assert "Strict-Transport-Security" in answer.headers


def test_without_a_trusted_proxy_forwarded_headers_count_for_nothing(start_backend):
    answer = httpx.get(f"{start_backend().url}/healthz", headers={"X-Forwarded-Proto": "https"})
    assert "Strict-Transport-Security" not in answer.headers


def test_a_port_that_is_taken_is_named(start_backend, tmp_path):
    port = urlsplit(start_backend().url).port
    with pytest.raises(BadConfig, match=rf"port: 127.0.0.1:{port} can't be listened on"):
        start_backend(port=port, data=tmp_path / "other")


def test_when_too_many_wait_the_surplus_is_turned_away_and_told_when_to_come_again(start_backend, phone):
    backend = start_backend(threads=1, waiting=2)
    phones = [phone(backend.url) for _ in range(7)]
    held, release = Event(), Event()

    def hold(connection):
        held.set()
        release.wait(90)

    holding = Thread(target=lambda: backend.log.transact(hold))
    holding.start()
    held.wait(20)
    answers = []
    posting = [
        Thread(target=lambda client=client: answers.append(client.post("/v1/locations", json={"locations": [A_FIX]})))
        for client in phones
    ]
    for thread in posting:
        thread.start()
    deadline_s = monotonic() + 60
    while backend.waiting() < 6:  # one is being handled
        assert monotonic() < deadline_s
        signal.sigtimedwait([], 0.01)  # spinning would keep the threads that post from Python's lock
    release.set()
    for thread in [holding, *posting]:
        thread.join()
    statuses = [answer.status_code for answer in answers]
    assert statuses.count(503) == 3
    assert {answer.headers["Retry-After"] for answer in answers if answer.status_code == 503} == {"2"}
    assert len(backend.log.read(0)) == statuses.count(202) == 4


def test_stopping_answers_what_has_begun(start_backend, phone):
    backend = start_backend()
    client = phone(backend.url)
    token = client.headers["Authorization"]
    body = json.dumps({"locations": [A_FIX]}).encode()
    with connected(backend.url) as slow:
        head = (
            f"POST /v1/locations HTTP/1.1\r\nHost: shop\r\nAuthorization: {token}\r\nContent-Type: application/json\r\n"
        )
        slow.sendall(head.encode() + f"Content-Length: {len(body)}\r\n\r\n".encode() + body[:5])
        client.get("/healthz")  # the server has read so far
        stopping = Thread(target=backend.stop)
        stopping.start()
        slow.sendall(body[5:])
        assert slow.makefile("rb").readline().split()[1] == b"202"
        stopping.join(20)
    assert not stopping.is_alive()


def test_a_stopped_backend_lets_go_of_its_log_and_its_pipeline(start_backend, phone):
    first = start_backend()
    phone(first.url).post("/v1/locations", json={"locations": [A_FIX]})
    first.stop()
    assert first.pipeline.stopped
    assert len(start_backend().log.read(0)) == 1


def test_a_backend_that_cannot_start_lets_go_of_its_log(start_backend, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "secret").write_text("short")
    with pytest.raises(BadConfig, match="secret"):
        start_backend()
    (tmp_path / "data" / "secret").unlink()
    start_backend()
