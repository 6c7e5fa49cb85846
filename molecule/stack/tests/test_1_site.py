"""The site as its visitors see it."""

from __future__ import annotations

import io
import json
import re
import subprocess
from typing import Any

import pytest
import requests
from PIL import Image
from site_visitor import DOMAIN, LAB, Visitor, address, resolved, secret


def picture() -> bytes:
    """A small PNG that nobody else has."""
    buffer = io.BytesIO()
    Image.effect_noise((64, 48), 80).convert("RGB").save(buffer, "PNG")
    return buffer.getvalue()


def test_the_list_is_served_with_a_certificate_that_verifies(any_visitor: Visitor) -> None:
    page = any_visitor.get("/")
    assert page.status_code == 200
    assert "<h1" in page.text
    assert page.headers["Strict-Transport-Security"].startswith("max-age=31536000")


def test_a_large_head_reaches_the_application_or_is_the_visitors_fault(visitor: Visitor) -> None:
    long = "a" * 14_000
    assert visitor.get("/healthz?" + long, headers={"X-Long": long}).status_code == 200
    assert visitor.get("/healthz", headers={f"X-Header-{number}": "b" * 40 for number in range(300)}).status_code == 200
    # Too long by less than one record of TLS: nginx has read all of it when it answers and closes. What it had not read
    # would end the connection under the visitor's hands, who then never sees the answer.
    too_long = "a" * 17_000
    for answer in (visitor.get("/healthz", headers={"Cookie": "a=" + too_long}), visitor.get("/healthz?" + too_long)):
        assert answer.status_code in (400, 414)


def test_plain_http_is_sent_to_https(visitor: Visitor) -> None:
    with resolved("web1"):
        answer = visitor.session.get(f"http://{DOMAIN}/posts/new/?a=b", allow_redirects=False, timeout=10)
    assert answer.status_code in (301, 308)
    assert answer.headers["Location"] == f"https://{DOMAIN}/posts/new/?a=b"


def test_strangers_get_nothing() -> None:
    with pytest.raises(requests.exceptions.ConnectionError):
        requests.get(f"http://{address('web1')}/", timeout=10)
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(f"https://{address('web1')}/", timeout=10, verify=str(LAB / "ca.pem"))


def test_http2_is_spoken() -> None:
    done = subprocess.run(
        ["curl", "--silent", "--http2", "--cacert", str(LAB / "ca.pem"), "--resolve", f"{DOMAIN}:443:{address('web1')}",
         "--output", "/dev/null", "--write-out", "%{http_version} %{http_code}", f"https://{DOMAIN}/"],
        capture_output=True, text=True, check=False, timeout=20,
    )  # fmt: skip
    assert done.stdout == "2 200", done


def test_a_post_with_a_picture_is_written_and_read_back(visitor: Visitor) -> None:
    image = picture()
    answer = visitor.submit(
        "/posts/new/", {"title": "Seen by a test", "text": "Written through nginx, uWSGI and Django."},
        {"picture": ("test.png", image, "image/png")},
    )  # fmt: skip
    assert answer.status_code == 200, answer.text[:2000]
    assert "Seen by a test" in answer.text
    source = re.search(r'<img[^>]+src="(/media/[^"]+)"', answer.text)
    assert source, answer.text[:3000]
    back = visitor.get(source[1])
    assert back.status_code == 200
    assert back.content == image
    assert back.headers["X-Content-Type-Options"] == "nosniff"
    # The other host has the post, for both ask the same database, and its picture, for both have the same files.
    assert "Seen by a test" in Visitor("web2").get("/").text
    assert Visitor("web2").get(source[1]).content == image


def test_a_form_without_its_token_is_refused(visitor: Visitor) -> None:
    assert visitor.post("/posts/new/", data={"title": "x", "text": "y"}).status_code == 403


def test_the_api_takes_posts_from_those_who_know_the_token(visitor: Visitor) -> None:
    body = json.dumps({"title": "By API", "text": "As JSON."})
    headers = {"Content-Type": "application/json"}
    assert visitor.post("/api/posts/", data=body, headers=headers).status_code == 401
    headers["Authorization"] = f"Bearer {secret('api_token')}"
    made = visitor.post("/api/posts/", data=body, headers=headers)
    assert made.status_code == 201, made.text
    listed = Visitor("web2").get("/api/posts/", params={"q": "By API"})
    assert "By API" in listed.text


def test_the_admin_lets_the_generated_user_in(visitor: Visitor) -> None:
    page = visitor.submit(
        "/admin/login/?next=/admin/", {"username": "admin", "password": secret("admin_password"), "next": "/admin/"}
    )
    assert page.status_code == 200
    assert "Log out" in page.text


def test_the_stack_page_shows_the_way_of_this_request(any_visitor: Visitor) -> None:
    page = any_visitor.get("/stack").text
    assert any_visitor.host in page
    for word in ("TLSv1.3", "nginx", "uWSGI", "PostgreSQL", "Django"):
        assert word in page, f"{word} is not on /stack"


def test_health_readiness_and_version(any_visitor: Visitor) -> None:
    assert any_visitor.get("/healthz").status_code == 200
    assert any_visitor.get("/readyz").json()["status"] == "ready"
    release = any_visitor.get("/version").json()["release"]
    assert re.fullmatch(r"[0-9a-f]{12}", release)
    assert release == Visitor("web2").get("/version").json()["release"]


def test_nginx_serves_static_files_itself(visitor: Visitor, web1: Any) -> None:
    style = re.search(r'href="(/static/[^"]+\.[0-9a-f]{12}\.css)"', visitor.get("/").text)
    assert style, "no hashed style sheet on the page"
    plain = visitor.get(style[1], headers={"Accept-Encoding": "identity"})
    assert plain.status_code == 200
    assert "immutable" in plain.headers["Cache-Control"]
    assert "max-age=31536000" in plain.headers["Cache-Control"]
    brotli = visitor.get(style[1], headers={"Accept-Encoding": "br"}, stream=True)
    assert brotli.headers["Content-Encoding"] == "br"
    assert visitor.get(style[1], headers={"Accept-Encoding": "gzip"}).headers["Content-Encoding"] == "gzip"
    # uWSGI never saw it: the log says that no upstream was asked.
    with web1.sudo():
        lines = web1.check_output("tail -n 20 /var/log/nginx/access.log").splitlines()
    entries = [json.loads(line) for line in lines if style[1] in line]
    assert entries
    assert all(entry["upstream_time"] in ("", "-") for entry in entries), entries


def test_only_nginx_and_ssh_are_reachable_on_a_web_host(web1: Any) -> None:
    with web1.sudo():
        listening = web1.check_output("ss --listening --tcp --numeric --no-header")
    ports = {
        line.split()[3].rsplit(":", 1)[1]
        for line in listening.splitlines()
        if not line.split()[3].startswith(("127.", "[::1]"))
    }
    assert ports == {"22", "80", "443"}


def test_the_way_to_the_database_is_encrypted_and_verified(db1: Any, web1: Any) -> None:
    with db1.sudo("postgres"):
        rows = db1.check_output(
            'psql -XAtc "select distinct ssl, version from pg_stat_activity join pg_stat_ssl using (pid) '
            "where usename = 'board'\""
        ).splitlines()
    assert rows, "no connection of the application is open"
    assert all(row.startswith("t|TLSv1.") for row in rows), rows
    with web1.sudo():
        # Applications ask the pooler of their host, which verifies the server; migrations go straight there.
        assert "@%2Frun%2Fpgbouncer%2Fself_hosted-transaction:" in web1.check_output("cat /srv/board/live/environment")
        pooler = web1.check_output("cat /etc/pgbouncer/self_hosted-transaction/pgbouncer.ini")
        assert "server_tls_sslmode = verify-full" in pooler
        assert "sslmode=verify-full" in web1.check_output("cat /srv/board/live/environment-owner")


def test_secrets_are_in_no_file_that_others_read_and_in_no_log(web1: Any, db1: Any) -> None:
    for host in (web1, db1):
        with host.sudo():
            for name in ("secret_key", "database_password", "database_owner_password", "admin_password", "api_token"):
                value = secret(name)
                # In brackets, because sudo logs this very command.
                pattern = f"[{value[0]}]{value[1:]}"
                places = host.run(
                    f"grep -rlE -e '{pattern}' /etc /srv /var/log /run/log | xargs -r stat --format '%a %U:%G %n'"
                )
                # The login towards the server is the pooler's.
                readers = ("400 ", "640 root:pgbouncer /etc/pgbouncer/")
                assert all(line.startswith(readers) for line in places.stdout.splitlines()), f"{name}: {places.stdout}"
                journal = host.run(f"journalctl --no-pager --grep '{pattern}'")
                assert not journal.stdout.strip() or "-- No entries --" in journal.stdout, (
                    f"{name}: {journal.stdout[:500]}"
                )
