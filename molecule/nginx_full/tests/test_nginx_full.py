"""Whether each setting that is not the default arrives with the visitors."""

from __future__ import annotations

import json
import re

import pytest

NAMES = " ".join(
    f"--resolve {name}:{port}:127.0.0.1"
    for name in ("shop.full.test", "full.test", "www.full.test", "bare.full.test", "shut.full.test")
    for port in (8080, 8443)
)
SHOP = "https://shop.full.test:8443"


@pytest.fixture(autouse=True, scope="module")
def journal(host, request):
    """The log tells why, when something failed."""
    before = request.session.testsfailed
    yield
    if request.session.testsfailed > before:
        print(host.run("journalctl --no-pager -n 40 -u nginx; tail -n 20 /var/log/nginx/error.log").stdout)


def ask(host, words: str) -> tuple[int, dict[str, str], str]:
    """Status, headers and body of one request."""
    answer = host.run(f"curl --silent --show-error --max-time 20 -k {NAMES} --include {words}")
    assert answer.rc == 0, f"curl {words}: {answer.stderr}"
    head, _, body = answer.stdout.replace("\r\n", "\n").partition("\n\n")
    first, *lines = head.split("\n")
    return (
        int(first.split()[1]),
        {k.lower(): v for k, v in (line.split(": ", 1) for line in lines if ": " in line)},
        body,
    )


def test_own_certificate_is_shown(host):
    shown = host.check_output(
        "echo | openssl s_client -connect 127.0.0.1:8443 -servername full.test 2>/dev/null | openssl x509 -noout -ext subjectAltName"
    )
    assert "DNS:*.full.test, DNS:full.test" in shown
    key = host.file("/etc/nginx/tls/privkey.pem")
    assert (key.user, key.mode) == ("root", 0o600)


def test_tls_is_what_was_asked_for(host):
    connect = "echo | openssl s_client -connect 127.0.0.1:8443 -servername full.test"
    assert "Cipher is ECDHE-ECDSA-AES256-GCM-SHA384" in host.check_output(f"{connect} -tls1_2 -alpn h2,http/1.1")
    assert "ALPN protocol: http/1.1" in host.check_output(f"{connect} -tls1_2 -alpn h2,http/1.1")
    assert host.run(f"{connect} -tls1_3").rc != 0
    assert host.run(f"{connect} -tls1_2 -cipher ECDHE-ECDSA-AES128-GCM-SHA256").rc != 0


def test_ports(host):
    assert host.socket("tcp://0.0.0.0:8080").is_listening
    assert host.socket("tcp://0.0.0.0:8443").is_listening
    listening = host.check_output("ss -Htln")
    assert not re.search(r"\[::\]:(80|443|8080|8443)\b|:(80|443)\s", listening), listening


def test_redirects_name_the_public_port(host):
    assert ask(host, "'http://full.test:8080/a?b'")[1]["location"] == "https://full.test:9443/a?b"
    assert ask(host, "'https://www.full.test:8443/a?b'")[1]["location"] == "https://shop.full.test:9443/a?b"


def test_address_comes_from_the_trusted_proxy(host):
    # The visitor forged the first; the second is the last that no trusted proxy stands for.
    told = ask(host, f"-H 'X-Forwarded-For: 192.0.2.66, 203.0.113.5, 198.51.100.9' {SHOP}/")[2]
    assert json.loads(told)["parameters"]["REMOTE_ADDR"] == "203.0.113.5"
    log = json.loads(host.file("/var/log/nginx/access.log").content_string.splitlines()[-1])
    assert log["remote_addr"] == "203.0.113.5"


def test_balancer_asks_for_health_by_address(host):
    status, _, body = ask(host, "http://127.0.0.1:8080/readyz")
    told = json.loads(body)["parameters"]
    assert (status, told["PATH_INFO"], told["HTTP_HOST"]) == (200, "/readyz", "shop.full.test")
    assert host.run("curl --silent http://127.0.0.1:8080/other").rc in (52, 56)
    address = host.check_output("hostname -I").split()[0]  # comes from an address that is no trusted proxy
    assert host.run(f"curl --silent http://{address}:8080/readyz").rc in (52, 56)


def test_sites_are_told_apart(host):
    assert json.loads(ask(host, f"{SHOP}/")[2])["release"] == "one"
    assert json.loads(ask(host, "https://bare.full.test:8443/static/x.css")[2])["release"] == "two"
    assert ask(host, "-H 'Host: bare.full.test' https://shop.full.test:8443/")[0] == 421


@pytest.mark.parametrize("name", ["shut", "bare"])
def test_a_maintenance_lets_those_in_who_are_listed(host, name):
    """One by its entry and one by a statement of another host; the listed network is that of the one, by the proxy's word."""
    url = f"https://{name}.full.test:8443/"
    status, headers, body = ask(host, f"-H 'X-Forwarded-For: 198.18.0.1' {url}")
    assert (status, headers["retry-after"], "We are working on this site" in body) == (503, "300", True)
    assert ask(host, f"-H 'X-Forwarded-For: 203.0.113.5' {url}")[0] == (200 if name == "shut" else 503)
    # This host: no proxy said anything.
    assert ask(host, url)[0] == 200
    assert ask(host, "http://127.0.0.1:8080/readyz")[0] == 200


def test_a_limit_is_for_each_visitor_behind_the_proxy_and_for_none_who_is_listed(host):
    def enter(address: str) -> list[int]:
        return [ask(host, f"-H 'X-Forwarded-For: {address}' --data a=b {SHOP}/enter")[0] for _ in range(3)]

    assert enter("203.0.113.80") == [200, 200, 429]
    assert enter("203.0.113.81") == [200, 200, 429]
    assert enter("192.0.2.7") == [200, 200, 200]


def test_headers_that_the_application_leaves_out(host):
    headers = ask(host, f"{SHOP}/")[1]
    assert headers["x-site"] == 'says "hello"'
    assert "referrer-policy" not in headers


def test_files(host):
    status, headers, _ = ask(host, f"{SHOP}/assets/v1.0/plain.css")
    assert (status, headers["cache-control"]) == (200, "public, max-age=7, must-revalidate")
    assert ask(host, f"{SHOP}/uploads/upload.html")[1]["cache-control"] == "public, max-age=8, must-revalidate"
    assert '"release"' in ask(host, f"{SHOP}/assets/v1x0/plain.css")[2]  # a dot in the path is a dot
    assert ask(host, f"{SHOP}/assets/v1.0/.secret")[0] == 404
    # The packages for brotli are not in nginx_packages.
    headers = ask(host, f"-H 'Accept-Encoding: br, gzip' {SHOP}/assets/v1.0/app.0a1b2c3d4e5f.css")[1]
    assert headers["content-encoding"] == "gzip"


def test_answers_are_compressed(host):
    assert ask(host, f"-H 'Accept-Encoding: gzip' -o /dev/null -D - {SHOP}/page")[1]["content-encoding"] == "gzip"


@pytest.mark.parametrize("end", ["", "\\r\\n"], ids=["head", "body"])
def test_a_slow_head_and_a_slow_body_are_cut(host, end):
    """nginx_client_header_timeout is 2 seconds, nginx_client_body_timeout 3."""
    head = "POST / HTTP/1.1\\r\\nHost: shop.full.test\\r\\nContent-Length: 9\\r\\n"
    connect = "timeout 9 openssl s_client -quiet -no_ign_eof -connect 127.0.0.1:8443 -servername shop.full.test"
    seconds = host.check_output(
        f"began=$(date +%s); (printf '{head}{end}'; sleep 8) | {connect} >/dev/null 2>&1 & pid=$!; "
        'for n in $(seq 30); do sleep 0.25; [ -z "$(ss -Htn state established sport = :8443)" ] && [ $n -gt 2 ] && break; done; '
        "echo $(($(date +%s) - began)); kill $pid || true"
    )
    assert 1 <= int(seconds) <= 5


def test_uploads_of_one_address_are_limited(host):
    # One of the two connections that an address may have.
    codes = host.check_output(
        f"for n in 1 2; do curl -sk {NAMES} -d a=b -o /dev/null -w '%{{http_code}}\\n' {SHOP}/slow & done; wait"
    ).split()
    assert sorted(codes) == ["200", "429"]


def test_limits(host):
    host.check_output("truncate -s 2M /tmp/large")
    assert ask(host, f"-H Expect: --data-binary @/tmp/large {SHOP}/")[0] == 413
    codes = host.check_output(
        f"for n in 1 2 3 4; do curl -sk {NAMES} -o /dev/null -w '%{{http_code}}\\n' {SHOP}/slow & done; wait"
    ).split()
    assert sorted(codes) == ["200", "200", "429", "429"]
    assert len(host.check_output("pgrep -u www-data nginx").split()) == 1
    limits = host.check_output("cat /proc/$(pgrep -u www-data nginx)/limits")
    assert re.search(r"Max open files +2048 ", limits)
    assert host.check_output("systemctl show -p Nice --value nginx") == "-1"
    assert host.check_output("systemctl show -p ProtectHome --value nginx") == "read-only"


def test_slow_headers_are_cut_off(host):
    connect = "openssl s_client -quiet -connect 127.0.0.1:8443 -servername full.test"
    assert host.run(f"(printf 'GET / HTTP/1.1\\r\\n'; sleep 5) | timeout 4 {connect}").rc != 124


def test_a_server_of_somebody_else_takes_no_name_of_a_site(host):
    listen = re.search(r"listen (\S*8080)", host.file("/etc/nginx/sites-enabled/my-shop.conf").content_string)[1]
    mine = f"server {{ listen {listen}; server_name full.test; return 204; }}"
    host.check_output("echo %s >/etc/nginx/conf.d/mine.conf", mine)
    try:
        assert "conflicting server name" in host.run("nginx -t").stderr
        host.check_output("systemctl reload nginx; sleep 1")
        assert ask(host, "http://full.test:8080/")[0] == 308
    finally:
        host.check_output("rm /etc/nginx/conf.d/mine.conf; systemctl reload nginx")
