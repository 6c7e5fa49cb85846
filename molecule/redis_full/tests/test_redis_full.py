"""Everything that the role lets one change has another value, and another host reaches Redis by TLS."""

from __future__ import annotations

import json
from typing import Any

from controller import connect

WORDS = "REDISCLI_AUTH=shop-password redis-cli --no-auth-warning --user shop"
URL = "rediss://shop:shop-password@{host}:6390/7?ssl_cert_reqs=required&ssl_ca_certs=/etc/ssl/redis/ca.pem"


def client(command: str) -> Any:
    return connect("redis-client").run(command)


def ask(words: str, host: str = "redis-full") -> str:
    """What Redis answers the other host."""
    done = client(f"{WORDS} --tls --cacert /etc/ssl/redis/ca.pem -h {host} -p 6390 -n 7 {words}")
    return (done.stdout + done.stderr).strip()


def setting(host: Any, name: str) -> str:
    return host.check_output(f"redis-admin config get {name}").partition("\n")[2].strip()


def test_another_host_writes_and_reads_by_tls() -> None:
    assert ask("set shop:greeting hello") == "OK"
    assert ask("get shop:greeting") == "hello"


def test_the_url_of_an_application_works_and_its_authority_is_verified() -> None:
    program = "import redis; print(redis.Redis.from_url(%r).ping())"
    done = client(f'/usr/bin/python3 -c "{program % URL.format(host="redis-full")}"')
    assert done.stdout.strip() == "True", done.stderr
    other = URL.format(host="redis-full").replace("/etc/ssl/redis/ca.pem", "/etc/ssl/certs/ca-certificates.crt")
    done = client(f'/usr/bin/python3 -c "{program % other}"')
    assert "CERTIFICATE_VERIFY_FAILED" in done.stderr


def test_no_one_is_served_without_tls(host: Any) -> None:
    done = client(f"{WORDS} -h redis-full -p 6390 ping 2>&1")
    assert "PONG" not in done.stdout
    listening = host.check_output("ss -Hltnp | grep redis-server || true").splitlines()
    assert [line.split()[3].rpartition(":")[2] for line in listening] == ["6390"]


def test_the_certificate_has_every_name(host: Any) -> None:
    said = host.check_output("openssl x509 -in /etc/ssl/redis/fullchain.pem -noout -ext subjectAltName")
    assert "DNS:redis.example.org" in said
    assert "DNS:redis-full" in said


def test_rights_follow_the_user(host: Any) -> None:
    ask("set shop:greeting hello")
    assert "NOPERM" in ask("get other")
    assert "NOPERM" in ask("eval 'return 1' 0")
    assert "shop:greeting" in ask("keys 'shop:*'")
    assert ask("publish news.today x") == "0"
    assert "NOPERM" in ask("publish shop:today x")


def test_settings_follow(host: Any) -> None:
    expected = {
        "maxmemory": str(256 * 1024 * 1024),
        "maxmemory-policy": "allkeys-lru",
        "appendonly": "no",
        "appendfsync": "always",
        "maxclients": "200",
        "save": "",
        "databases": "1024",
    }
    assert {name: setting(host, name) for name in expected} == expected
    assert host.sysctl("net.ipv4.tcp_keepalive_time") == 600


def test_the_unit_follows(host: Any) -> None:
    said = host.check_output("systemctl show --property OOMScoreAdjust,IPAddressAllow,IPAddressDeny redis-server")
    found = dict(line.split("=", 1) for line in said.splitlines())
    assert found["OOMScoreAdjust"] == "100"
    assert "198.51.100.0/24" in found["IPAddressAllow"]
    assert "0.0.0.0/0" in found["IPAddressDeny"]


def test_a_renewed_certificate_is_taken_up_without_a_restart(host: Any) -> None:
    """What the handler asks for has Redis read the files again, though their names are the same."""
    before = host.check_output("systemctl show --property MainPID --value redis-server")
    serial = "openssl s_client -connect redis-full:6390 -CAfile /etc/ssl/redis/ca.pem < /dev/null 2>/dev/null | openssl x509 -noout -serial"
    shown = client(serial).stdout
    host.check_output(
        "cd /etc/ssl/redis && cp -a fullchain.pem kept.pem && cp -a privkey.pem kept.key && "
        "openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=other -days 1 -keyout privkey.pem -out fullchain.pem 2>/dev/null"
    )
    try:
        assert host.check_output("redis-admin config set tls-cert-file /etc/ssl/redis/fullchain.pem") == "OK"
        assert client(serial).stdout != shown
    finally:
        host.check_output("cd /etc/ssl/redis && mv kept.pem fullchain.pem && mv kept.key privkey.pem")
        host.check_output("redis-admin config set tls-cert-file /etc/ssl/redis/fullchain.pem")
    assert client(serial).stdout == shown
    assert host.check_output("systemctl show --property MainPID --value redis-server") == before
    assert json.dumps(ask("ping")) == '"PONG"'
