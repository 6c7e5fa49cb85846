"""What visitors of a site get, asked from the host itself with real requests."""

from __future__ import annotations

import json
import re
import time

import pytest
from exposure import exposed

CURL = "curl --silent --show-error --max-time 10 --cacert /etc/ssl/board/ca.pem"
LONG_NAME = ("a" * 61 + ".") * 4 + "test"
NAMES = " ".join(
    f"--resolve {name}:{port}:127.0.0.1"
    for name in ("board.test", "www.board.test", "absent.test", "a.tenants.test", LONG_NAME, "stranger.test")
    for port in (80, 443)
)


@pytest.fixture(autouse=True, scope="module")
def journal(host, request):
    """The log tells why, when something failed."""
    before = request.session.testsfailed
    yield
    if request.session.testsfailed > before:
        print(
            host.run("journalctl --no-pager -n 40 -u nginx -u 'upstream@*'; tail -n 20 /var/log/nginx/error.log").stdout
        )


@pytest.fixture
def live(host):
    """Move the link that a deploy moves; back at release one in the end."""

    def switch(release: str | None) -> None:
        command = "rm -f /srv/board/live"
        if release:
            command = f"ln -sfn releases/{release} /srv/board/new && mv -T /srv/board/new /srv/board/live"
        host.check_output(command)

    yield switch
    switch("one")


def ask(host, words: str) -> tuple[int, dict[str, str], str]:
    """Status, headers and body of one request."""
    answer = host.run(f"{CURL} {NAMES} --include {words}")
    assert answer.rc == 0, f"curl {words}: {answer.stderr}"
    text = answer.stdout.replace("\r\n", "\n")
    while re.match(r"HTTP/\S+ 1\d\d", text):
        text = text.split("\n\n", 1)[1]
    head, _, body = text.partition("\n\n")
    first, *lines = head.split("\n")
    return (
        int(first.split()[1]),
        {k.lower(): v for k, v in (line.split(": ", 1) for line in lines if ": " in line)},
        body,
    )


def parameters(host, words: str = "https://board.test/") -> dict[str, str]:
    """What the application was told."""
    status, _, body = ask(host, words)
    assert status == 200, body
    return json.loads(body)["parameters"]


def test_service_is_enabled_and_runs(host):
    service = host.service("nginx")
    assert service.is_enabled
    assert service.is_running


def test_application_is_told_who_asks_and_how(host):
    told = parameters(host, "--http2 'https://board.test/some%20path?a=b'")
    assert told["HTTP_HOST"] == "board.test"
    assert told["PATH_INFO"] == "/some path"
    assert told["QUERY_STRING"] == "a=b"
    assert told["HTTPS"] == "on"
    assert told["REQUEST_SCHEME"] == "https"
    assert told["SSL_PROTOCOL"] == "TLSv1.3"
    assert told["SSL_CIPHER"].startswith("TLS_")
    assert re.fullmatch("[0-9a-f]{32}", told["REQUEST_ID"])
    assert told["NGINX_HOST"] == host.check_output("hostname")
    assert told["NGINX_VERSION"] in host.run("nginx -v").stderr
    assert told["REMOTE_ADDR"] == "127.0.0.1"


def test_headers_that_visitors_may_not_set_are_dropped(host):
    forged = {
        "X-Request-ID": "forged",
        "Proxy": "http://forged",
        "X-Forwarded-For": "192.0.2.1",
        "X-Forwarded-Proto": "forged",
        "X-Forwarded-Host": "forged.test",
        "Forwarded": "for=forged",
    }
    told = parameters(host, " ".join(f"-H '{k}: {v}'" for k, v in forged.items()) + " https://board.test/")
    assert "forged" not in json.dumps(told)
    assert told["REMOTE_ADDR"] == told["HTTP_X_FORWARDED_FOR"] == "127.0.0.1"
    assert "HTTP_PROXY" not in told or told["HTTP_PROXY"] == ""


def test_host_header_keeps_its_port(host):
    assert parameters(host, "-H 'Host: board.test:8443' https://board.test/")["HTTP_HOST"] == "board.test:8443"


@pytest.mark.parametrize(("option", "version"), [("--http2", "2"), ("--http1.1", "1.1")])
def test_http_version_is_negotiated(host, option, version):
    command = f"{CURL} {NAMES} {option} -o /dev/null -w '%{{http_version}} %{{ssl_verify_result}}' https://board.test/"
    assert host.check_output(command) == f"{version} 0"


@pytest.mark.parametrize(("version", "accepted"), [("1_1", False), ("1_2", True), ("1_3", True)])
def test_tls_versions(host, version, accepted):
    done = host.run(
        f"echo | openssl s_client -connect 127.0.0.1:443 -servername board.test -tls{version} "
        "-cipher 'ALL:@SECLEVEL=0' -CAfile /etc/ssl/board/ca.pem -verify_return_error"
    )
    assert (done.rc == 0) is accepted, done.stdout + done.stderr


def test_key_exchange_is_post_quantum_where_openssl_has_it(host):
    group = "X25519MLKEM768" if "3.5." in host.check_output("openssl version") else "X25519"
    done = host.run(
        f"echo | openssl s_client -connect 127.0.0.1:443 -servername board.test -tls1_3 -groups {group}:prime256v1"
    )
    assert done.rc == 0, done.stderr
    if group == "X25519MLKEM768":
        assert f"Negotiated TLS1.3 group: {group}" in done.stdout
    else:
        assert "Server Temp Key: X25519" in done.stdout


def test_certificate_covers_every_name(host):
    for name in ("board.test", "www.board.test", "absent.test", "a.tenants.test", LONG_NAME):
        done = host.run(
            f"echo | openssl s_client -connect 127.0.0.1:443 -servername {name} -verify_hostname {name} "
            "-CAfile /etc/ssl/board/ca.pem -verify_return_error"
        )
        assert done.rc == 0, done.stdout


def test_http_goes_to_https(host):
    status, headers, _ = ask(host, "-X POST 'http://board.test/a/b?c=d'")
    assert (status, headers["location"]) == (308, "https://board.test/a/b?c=d")


def test_other_names_go_to_the_first_domain(host):
    first = f"{host.check_output('hostname')}.test"
    status, headers, _ = ask(host, "'https://www.board.test/a?b=c'")
    assert (status, headers["location"]) == (308, f"https://{first}/a?b=c")


def test_strangers_are_rejected(host):
    assert host.run(f"{CURL} {NAMES} http://stranger.test/").rc in (52, 56)  # closed without a word
    assert host.run(f"{CURL} {NAMES} -k https://stranger.test/").rc == 35  # no handshake
    assert host.run(f"{CURL} -k https://127.0.0.1/").rc == 35
    assert ask(host, "-H 'Host: stranger.test' https://board.test/")[0] == 421
    assert ask(host, "-H 'Host: absent.test' https://board.test/")[0] == 421


def test_missing_application_has_a_standing_page(host):
    status, headers, body = ask(host, "https://absent.test/")
    assert status == 502
    assert "Back in a moment" in body
    assert headers["content-type"].startswith("text/html")
    assert headers["cache-control"] == "no-store"
    assert int(headers["retry-after"]) > 0
    status, _, body = ask(host, "-X POST -d a=b https://absent.test/")
    assert (status, "Back in a moment" in body) == (502, True)
    status, headers, body = ask(host, "-H 'Accept: application/json' https://absent.test/api")
    assert status == 502
    assert headers["content-type"].startswith("application/json")
    assert json.loads(body)["error"] == "temporarily_unavailable"
    assert ask(host, "https://absent.test/static/a.css")[0] == 404
    assert ask(host, "https://board.test/_nginx_unavailable/unavailable.html")[0] == 404


@pytest.fixture
def closed(host):
    """The site in maintenance, asked from an address that is not the host's loopback."""
    host.check_output("touch /var/lib/nginx-maintenance/board")
    address = host.check_output("hostname -I").split()[0]
    yield lambda words: ask(host, f"--resolve board.test:443:{address} {words}")
    host.check_output("rm -f /var/lib/nginx-maintenance/board")


def test_a_maintenance_holds_from_the_next_request_on(host, closed):
    since = host.check_output("ps -o pid= -C nginx")
    for words in ("https://board.test/", "https://board.test/events/new", "-X POST -d a=b https://board.test/order"):
        status, headers, body = closed(words)
        assert (status, headers["retry-after"], headers["cache-control"]) == (503, "300", "no-store"), words
        assert "Closed for the inventory" in body
        assert headers["strict-transport-security"] == "max-age=86400; includeSubDomains"
    status, headers, body = closed("-H 'Accept: application/json' https://board.test/api")
    assert (status, json.loads(body)["error"], headers["retry-after"]) == (503, "maintenance", "300")
    assert json.loads(closed("-H 'Content-Type: application/json' -d '{}' https://board.test/api")[2])
    assert closed("https://board.test/static/plain.css")[0] == 200
    assert closed("https://board.test/media/upload.pdf")[0] == 200
    # The host itself is let in: smoke tests work. Other sites go on.
    assert ask(host, "https://board.test/")[0] == 200
    assert ask(host, "https://absent.test/")[0] == 502
    host.check_output("mv /srv/board/releases/one/static/shop /srv/board/releases/one/static/gone")
    try:
        status, _, body = closed("https://board.test/")
        assert (status, "We are working on this site" in body) == (503, True)
    finally:
        host.check_output("mv /srv/board/releases/one/static/gone /srv/board/releases/one/static/shop")
    host.check_output("rm /var/lib/nginx-maintenance/board")
    assert closed("https://board.test/")[0] == 200
    assert host.check_output("ps -o pid= -C nginx") == since


def statuses(host, words: str) -> list[str]:
    """Of several requests, by one curl."""
    return host.check_output(f"{CURL} {NAMES} --output /dev/null --write-out '%{{http_code}}\\n' {words}").split()


def test_who_tries_passwords_is_slowed_down_and_who_reads_is_not(host):
    login = "'https://board.test/accounts/login/?[1-{0}]'"
    assert set(statuses(host, login.format(80))) == {"200"}
    got = statuses(host, "--data a=b " + login.format(80))
    # One, the burst, and what came back meanwhile.
    assert got[:61] == ["200"] * 61
    assert "429" in got[61:]
    assert ask(host, "https://board.test/")[0] == 200


def test_who_asks_too_often_is_told_when_to_come_back(host):
    assert statuses(host, "'https://board.test/api/?[1-5]'") == ["200"] * 3 + ["429"] * 2
    status, headers, body = ask(host, "https://board.test/api/")
    assert (status, headers["retry-after"], "Too many requests" in body) == (429, "10", True)
    status, _, body = ask(host, "-H 'Accept: application/json' https://board.test/api/list")
    assert (status, json.loads(body)["error"]) == (429, "too_many_requests")
    # nginx compares what the application would get.
    assert ask(host, "--path-as-is 'https://board.test/x/..//%61pi/'")[0] == 429
    assert ask(host, "https://board.test/apis")[0] == 200


@pytest.mark.parametrize(
    ("path", "kilobytes", "status"), [("small", 2, 413), ("large", 12_000, 200), ("", 12_000, 413)]
)
def test_each_path_has_its_size(host, path, kilobytes, status):
    body = f"head -c {kilobytes}k /dev/zero | {CURL} {NAMES}"
    words = f"--output /dev/null --write-out '%{{http_code}}' --data-binary @- https://board.test/{path}/"
    assert host.run(f"{body} {words}").stdout == str(status)


@pytest.mark.parametrize(
    "url",
    ["http://board.test/", "https://www.board.test/", "https://absent.test/", "https://board.test/static/plain.css"],
)
def test_redirects_error_pages_and_files_have_the_headers(host, url):
    headers = ask(host, url)[1]
    assert "camera=(self)" in headers["permissions-policy"]
    assert headers["referrer-policy"] == "strict-origin-when-cross-origin"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["server"] == "nginx"


def test_http3_is_spoken_where_nginx_has_it(host):
    status, headers, _ = ask(host, "https://board.test/")
    quic = host.run("ss -Hlun 'sport = :443'").stdout
    if not host.check_output("hostname").endswith("13"):
        assert "alt-svc" not in headers
        assert not quic
        return
    assert (status, headers["alt-svc"]) == (200, 'h3=":443"; ma=86400')
    version = f"{CURL} {NAMES} --http3-only --output /dev/null --write-out '%{{http_version}} %{{http_code}}' "
    assert host.check_output(version + "https://board.test/") == "3 200"
    # Strangers get no handshake, as by TCP.
    assert host.run(version + "https://stranger.test/").rc != 0


@pytest.mark.parametrize("name", ["a.tenants.test", LONG_NAME])
def test_wildcards_and_long_names_have_their_site(host, name):
    assert ask(host, f"https://{name}/")[0] == 502
    assert ask(host, f"http://{name}/")[1]["location"] == f"https://{name}/"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/", 200),
        ("/secure", 200),  # the application says another value
        ("/status/404", 404),
        ("/static/plain.css", 200),
        ("/static/old.ffffffffffff.css", 200),
        ("/static/missing.css", 404),
        ("/static/.secret", 404),
        ("/media/upload.html", 200),
        ("/die", 502),
        ("https://www.board.test/", 308),
    ],
)
def test_every_answer_by_https_says_hsts_once(host, path, status):
    got, headers, _ = ask(host, path if path.startswith("https") else f"https://board.test{path}")
    assert (got, headers["strict-transport-security"]) == (status, "max-age=86400; includeSubDomains")


def test_hsts_is_for_https_and_for_the_site_that_asks_for_it(host):
    assert "strict-transport-security" not in ask(host, "http://board.test/")[1]
    assert "strict-transport-security" not in ask(host, "https://absent.test/")[1]


@pytest.mark.parametrize(("path", "first"), [("/events/new", "data: first\n"), ("/events", "")])
def test_a_stream_is_sent_on_as_it_comes(host, path, first):
    # What is there after a second: with buffering nothing, as the answer is still small.
    come = host.run(f"{CURL} {NAMES} --no-buffer --max-time 1 https://board.test{path}").stdout
    assert come.rstrip("\n") == first.rstrip("\n")


@pytest.mark.parametrize(
    ("kind", "bytes", "statuses"),
    [
        ("header", 15000, {200}),
        ("cookie", 15000, {200}),
        ("url", 15000, {200}),
        ("header", 17000, {400}),
        ("cookie", 20000, {400}),
        ("url", 20000, {414}),
    ],
)
def test_a_large_head_is_taken_or_refused_as_the_visitors_fault(host, kind, bytes, statuses):
    host.check_output(f"head -c {bytes} /dev/zero | tr '\\0' a > /tmp/long")
    words = {"header": '-H "X-Long: $(cat /tmp/long)"', "cookie": '-H "Cookie: a=$(cat /tmp/long)"', "url": ""}[kind]
    query = "?$(cat /tmp/long)" if kind == "url" else ""
    assert ask(host, f'--http1.1 {words} "https://board.test/{query}"')[0] in statuses


def test_an_application_may_set_many_cookies(host):
    assert ask(host, "https://board.test/cookies/30")[0] == 200
    assert ask(host, "https://board.test/cookies/40")[0] == 502


def test_slow_application_times_out(host):
    began = time.monotonic()
    status, _, body = ask(host, "https://board.test/slow")
    assert (status, "Back in a moment" in body) == (504, True)
    assert time.monotonic() - began < 7


def test_requests_are_never_repeated(host):
    host.check_output("truncate -s 0 /srv/board/requests.log")
    assert ask(host, "-X POST -d order=1 https://board.test/die")[0] == 502
    assert host.file("/srv/board/requests.log").content_string.splitlines() == ["POST /die"]


@pytest.mark.parametrize("status", [404, 500, 502, 503])
def test_own_errors_of_the_application_pass(host, status):
    assert ask(host, f"https://board.test/status/{status}")[::2] == (status, "the application's own words")


def test_switch_of_live_is_followed_at_once(host, live):
    since = host.check_output("ps -o pid= -C nginx")
    for release in ("two", "one", "two"):
        live(release)
        assert json.loads(ask(host, "https://board.test/")[2])["release"] == release
        assert ask(host, "https://board.test/static/which.txt")[2] == f"{release}\n"
    live(None)
    assert ask(host, "https://board.test/")[0] == 502
    assert ask(host, "https://board.test/static/which.txt")[0] == 404
    live("one")
    assert ask(host, "https://board.test/")[0] == 200
    assert host.check_output("ps -o pid= -C nginx") == since


@pytest.mark.parametrize(
    ("name", "caching"),
    [
        ("app.0a1b2c3d4e5f.css", "public, max-age=31536000, immutable"),
        ("old.ffffffffffff.css", "public, max-age=31536000, immutable"),  # of an earlier release
        ("plain.css", "public, max-age=300, must-revalidate"),
        ("report.20260131.js", "public, max-age=300, must-revalidate"),
    ],
)
def test_static_files_are_cached_by_their_name(host, name, caching):
    status, headers, _ = ask(host, f"https://board.test/static/{name}")
    assert (status, headers["cache-control"]) == (200, caching)
    assert headers["x-content-type-options"] == "nosniff"
    assert ask(host, f"-H 'If-None-Match: {headers['etag']}' https://board.test/static/{name}")[0] == 304


def test_public_files_come_first(host):
    host.check_output("mkdir /srv/board/live/public && echo public > /srv/board/live/public/plain.css")
    try:
        assert ask(host, "https://board.test/static/plain.css")[2] == "public\n"
        assert ask(host, "https://board.test/static/old.ffffffffffff.css")[0] == 200, "of an earlier release"
    finally:
        host.check_output("rm -r /srv/board/live/public")
    assert ask(host, "https://board.test/static/plain.css")[2] != "public\n"


@pytest.mark.parametrize("encoding", ["br", "gzip"])
def test_static_files_are_compressed(host, encoding):
    url = "https://board.test/static"
    _, headers, body = ask(host, f"-H 'Accept-Encoding: {encoding}' {url}/app.0a1b2c3d4e5f.css")
    assert headers["content-encoding"] == encoding
    assert headers["vary"] == "Accept-Encoding"
    assert headers["content-type"] == "text/css"
    assert body == f"stands for {'brotli' if encoding == 'br' else 'gzip'}\n"
    tool = "brotli -dc" if encoding == "br" else "gzip -dc"
    plain = host.check_output(f"{CURL} {NAMES} -H 'Accept-Encoding: {encoding}' {url}/plain.css | {tool}")
    assert plain == host.check_output("cat /srv/board/live/static/plain.css")
    assert "content-encoding" not in ask(host, f"{url}/plain.css")[1]


def test_pages_are_not_compressed(host):
    assert "content-encoding" not in ask(host, "-H 'Accept-Encoding: gzip, br' https://board.test/page")[1]


def test_module_scripts_have_their_type(host):
    assert ask(host, "https://board.test/static/module.mjs")[1]["content-type"].endswith("javascript")


@pytest.mark.parametrize(
    "path",
    [
        "static/.secret",
        "static/stolen",
        "static/staticfiles.json",
        "static/staticfiles.json.gz",
        "static/missing.css",
        "static/css/",
        "static/../uwsgi.sock",
        "static/..%2f..%2fone/uwsgi.sock",
        "media/",
        "media/..%2fstatic/.secret",
    ],
)
def test_nothing_else_is_served_from_disk(host, path):
    status, _, body = ask(host, f"--path-as-is https://board.test/{path}")
    assert status in (400, 404) or '"release"' in body, body


def test_files_that_only_look_like_the_manifest_are_served(host):
    assert ask(host, "https://board.test/static/staticfiles.jsonp")[0] == 200


def test_uploads_cannot_run(host):
    status, headers, _ = ask(host, "https://board.test/media/upload.html")
    assert status == 200
    assert "sandbox" in headers["content-security-policy"]
    assert "default-src 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-disposition"] == "attachment"
    headers = ask(host, "https://board.test/media/upload.pdf")[1]
    assert headers["content-type"] == "application/pdf"
    assert "content-security-policy" not in headers
    assert "content-disposition" not in headers


def test_what_browsers_would_run_is_saved(host):
    host.check_output(
        "echo '<svg/>' > /srv/board/shared/media/drawing.svg && echo x > /srv/board/shared/media/note.txt"
    )
    assert ask(host, "https://board.test/media/drawing.svg")[1]["content-disposition"] == "attachment"
    assert "content-disposition" not in ask(host, "https://board.test/media/note.txt")[1]
    host.check_output("rm /srv/board/shared/media/drawing.svg /srv/board/shared/media/note.txt")


def test_an_application_that_sends_no_headers_gets_those_of_the_list(host):
    headers = ask(host, "https://board.test/page")[1]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "strict-origin-when-cross-origin"
    assert headers["x-permitted-cross-domain-policies"] == "none"
    assert "camera=(self)" in headers["permissions-policy"]
    assert headers["server"] == "nginx"


def test_headers_of_the_application_are_its_own(host):
    answer = host.check_output(f"{CURL} {NAMES} --include https://board.test/own-headers").lower()
    assert "referrer-policy: no-referrer" in answer
    assert "permissions-policy: usb=(self)" in answer
    assert answer.count("referrer-policy:") == answer.count("permissions-policy:") == 1
    assert "x-permitted-cross-domain-policies: none" in answer


def test_body_size_is_limited(host):
    host.check_output("truncate -s 11M /tmp/large && truncate -s 9M /tmp/fits")
    assert ask(host, "-H Expect: --data-binary @/tmp/large https://board.test/")[0] == 413
    assert json.loads(ask(host, "--data-binary @/tmp/fits https://board.test/")[2])["received"] == 9 * 1024 * 1024


def test_log_is_json(host):
    told = parameters(host, "-A 'say \"hi\" \\ ü' -e http://from.test/ 'https://board.test/log?x=1'")
    lines = [json.loads(line) for line in host.file("/var/log/nginx/access.log").content_string.splitlines()]
    (entry,) = [line for line in lines if line["request_id"] == told["REQUEST_ID"]]
    assert set(entry) == {
        "time", "request_id", "remote_addr", "method", "uri", "protocol", "status", "bytes", "request_time",
        "upstream_time", "upstream_status", "host", "referer", "user_agent", "ssl_protocol",
    }  # fmt: skip
    assert entry["user_agent"] == 'say "hi" \\ ü'
    assert (entry["uri"], entry["status"], entry["upstream_status"]) == ("/log?x=1", 200, "200")
    assert isinstance(entry["request_time"], float)


def test_log_is_rotated(host):
    host.check_output("logrotate --force /etc/logrotate.d/nginx")
    told = parameters(host)
    assert told["REQUEST_ID"] in host.file("/var/log/nginx/access.log").content_string


def test_limits_and_sandbox_hold(host):
    limits = host.check_output("cat /proc/$(pgrep -u www-data nginx | head -1)/limits")
    assert re.search(r"Max open files +12288 ", limits)
    assert host.run("nsenter -t $(cat /run/nginx.pid) -m ls /home").stdout == ""
    assert "NoNewPrivs:\t1" in host.check_output("cat /proc/$(cat /run/nginx.pid)/status")


def test_little_of_the_host_is_in_reach(host):
    assert exposed(host, "nginx.service") == {}


def test_crash_is_survived(host):
    before = host.check_output("cat /run/nginx.pid")
    host.check_output(f"kill -SEGV {before}")
    for _ in range(20):
        time.sleep(0.5)
        if (
            host.run(f"{CURL} {NAMES} https://board.test/").rc == 0
            and host.run("cat /run/nginx.pid").stdout.strip() != before
        ):
            break
    else:
        pytest.fail(host.check_output("systemctl status nginx --no-pager"))


def test_nothing_is_left_of_the_default_site(host):
    assert sorted(host.file("/etc/nginx/sites-enabled").listdir()) == ["absent.conf", "board.conf"]
