"""Requests of other sites are refused, and answers may be read by none of them."""

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from musqa_pipeline.scoring.serve.guard import HEADERS, Guard


@pytest.fixture(scope="module")
def client():
    app = FastAPI()

    @app.get("/")
    def page():
        return "page"

    @app.post("/do")
    def do():
        return "done"

    app.add_middleware(Guard, allowed_hosts=("Studio.local",))
    return TestClient(app, base_url="http://127.0.0.1:8000")


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8000", "localhost", "[::1]:8000", "192.168.1.7:8000", "studio.LOCAL:80"]
)
def test_addresses_and_named_hosts_are_answered(client, host):
    assert client.get("/", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "127.0.0.1.evil.example:8000", "localhost.evil.example", "", "[::1", "a:b"],
)
def test_a_rebound_name_is_refused(client, host):
    found = client.get("/", headers={"Host": host})
    assert found.status_code == 421
    assert found.json()["error"]["code"] == "unknown_host"
    assert "use its address, or start it with --allow-host NAME" in found.json()["error"]["message"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:9000"},
        {"Origin": "http://[::1"},
        {"Origin": "http://[zz]/"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"},
    ],
)
def test_posts_of_other_sites_are_refused(client, headers):
    found = client.post("/do", headers=headers)
    assert found.status_code == 403
    assert "pages of other sites may not use this server" in found.json()["error"]["message"]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "http://127.0.0.1:8000"},
        {"Origin": "http://127.0.0.1:8000", "Sec-Fetch-Site": "same-origin"},
    ],
)
def test_the_own_page_and_programs_may_post(client, headers):
    assert client.post("/do", headers=headers).json() == "done"


def test_a_link_from_elsewhere_may_open_the_page(client):
    headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert client.get("/", headers=headers).status_code == 200
    assert client.get("/", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403


def test_a_body_of_two_lengths_is_refused_and_the_connection_ends(client):
    headers = {"Content-Length": "1", "Transfer-Encoding": "chunked"}
    found = client.post("/do", headers=headers, content=b"x")
    assert (found.status_code, found.headers["connection"]) == (400, "close")
    assert "chunked and has a Content-Length; send one" in found.json()["error"]["message"]


@pytest.mark.parametrize("path", ["/", "/nothing"])
@pytest.mark.parametrize("host", ["127.0.0.1:8000", "evil.example"])
def test_every_answer_has_the_headers_and_none_opens_it_to_others(client, path, host):
    found = client.get(path, headers={"Host": host, "Origin": f"http://{host}"})
    assert {name: found.headers[name] for name in HEADERS} == HEADERS
    assert not [name for name in found.headers if name.lower().startswith("access-control")]
    assert "default-src 'none'" in found.headers["Content-Security-Policy"]
