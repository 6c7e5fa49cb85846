"""Certificates by ACME on two web hosts behind one name, from a server that validates; in the order of a site's life."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator

import pytest
from controller import PROJECT, connect
from exposure import exposed
from testinfra.host import Host

NAME, TENANT = "board.example.org", "any.tenants.example.net"
LIFE = 64 * 86400
RUN = "systemctl start acme-certificates.service"


@pytest.fixture(scope="module")
def authority() -> Host:
    return connect("ca1")


@pytest.fixture(scope="module")
def hosts() -> dict[str, Host]:
    return {name: connect(name) for name in ("web1", "web2")}


def state(host: Host) -> dict:
    return json.loads(host.file("/etc/ansible/facts.d/acme.fact").content_string)


def known(host: Host, name: str = "board") -> dict:
    return state(host)["certificates"][name]


def shown(host: Host, name: str = NAME) -> str:
    """The certificate that nginx shows for a name, or why the handshake failed."""
    words = "import socket,ssl,sys;c=ssl._create_unverified_context()\n"
    words += "s=c.wrap_socket(socket.create_connection(('127.0.0.1',443),5),server_hostname=sys.argv[1])\n"
    words += "print(ssl.DER_cert_to_PEM_cert(s.getpeercert(True)))"
    done = host.run(f'python3 -c "{words}" {name}')
    return done.stdout if done.rc == 0 else done.stderr.strip().splitlines()[-1]


def served_path(host: Host, name: str = "board") -> str:
    return host.file(f"{known(host, name)['path']}/fullchain.pem").content_string


def plain(host: Host, name: str, path: str = "/") -> tuple[int, str]:
    """Status and Location of an answer on port 80."""
    words = "import http.client,sys;c=http.client.HTTPConnection('127.0.0.1',80,timeout=10)\n"
    words += "c.request('GET',sys.argv[2],headers={'Host':sys.argv[1]});r=c.getresponse();print(r.status,r.headers.get('Location',''))"
    status, _, where = host.check_output(f'python3 -c "{words}" {name} {path}').partition(" ")
    return int(status), where


def play(*words: str, limit: str = "web", check: bool = True) -> str:
    """Run the scenario's playbook again, with other sites."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    command = [PROJECT / ".venv/bin/ansible-playbook", "-i", "molecule/acme/inventory", "--limit", limit]
    done = subprocess.run(
        [*command, "molecule/acme/converge.yml", *words],
        cwd=PROJECT, env=env, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert not check or done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return f"{done.returncode}\n{done.stdout}{done.stderr}"


def age(host: Host, name: str = "board", left: float = LIFE / 4) -> None:
    """Tell the host that a certificate has only so many seconds left, as if time had passed."""
    now = time.time()
    script = (
        "import json,pathlib;p=pathlib.Path('/var/lib/acme-certificates/state.json');d=json.loads(p.read_text());"
        f"d['certificates']['{name}'].update(not_after={now + left},not_before={now + left - LIFE});p.write_text(json.dumps(d))"
    )
    host.check_output(f'python3 -c "{script}"')


@pytest.fixture
def serving(authority: Host) -> Iterator[Callable[[str], object]]:
    """What the authority does during a test; afterwards it answers again."""
    yield lambda how: authority.check_output(f"lab-acme {how}")
    authority.check_output("lab-acme serve")


def test_each_host_has_a_certificate_that_the_authority_signed_after_it_had_asked(hosts: dict[str, Host]) -> None:
    seen = set()
    for host in hosts.values():
        for site, name in (("board", NAME), ("board", "www.example.org"), ("tenants", TENANT)):
            assert shown(host, name).strip() in served_path(host, site), name
        certificate = known(host)
        assert certificate["domains"] == [NAME, "www.example.org"]
        assert certificate["not_after"] - certificate["not_before"] == pytest.approx(LIFE, abs=2)
        seen.add(served_path(host))
        key = host.file(f"{certificate['path']}/privkey.pem")
        assert (key.user, key.mode) == ("root", 0o600)
        assert host.file("/etc/ssl/acme/board").mode == 0o700
        assert plain(host, NAME, "/a?b=1") == (308, f"https://{NAME}/a?b=1")
    assert len(seen) == 2, "no key is on two hosts"


def test_our_timer_runs_and_debians_does_not(hosts: dict[str, Host]) -> None:
    for host in hosts.values():
        timer = host.service("acme-certificates.timer")
        assert timer.is_running
        assert timer.is_enabled
        assert not host.service("certbot.timer").is_running
        assert not host.service("certbot.timer").is_enabled


def test_a_host_is_asked_for_the_challenge_of_its_peer(hosts: dict[str, Host]) -> None:
    token = "/.well-known/acme-challenge/of-web1"
    hosts["web1"].check_output(f"mkdir -p /var/lib/acme-certificates/webroot{token.rpartition('/')[0]}")
    hosts["web1"].check_output(f"echo here > /var/lib/acme-certificates/webroot{token}")
    try:
        assert plain(hosts["web2"], NAME, token)[0] == 200
    finally:
        hosts["web1"].check_output(f"rm /var/lib/acme-certificates/webroot{token}")
    assert plain(hosts["web2"], NAME, token)[0] == 404


def test_little_of_the_host_is_in_reach(hosts: dict[str, Host]) -> None:
    for host in hosts.values():
        assert exposed(host, "acme-certificates.service") == {}


def test_the_last_third_is_renewed_in_the_sandbox_of_the_unit_and_the_account_stays(hosts: dict[str, Host]) -> None:
    host = hosts["web1"]
    host.check_output(RUN)
    before, accounts = (
        shown(host),
        host.check_output("find /etc/letsencrypt/accounts -name private_key.json -exec sha256sum {} +"),
    )
    age(host, left=LIFE / 3 + 3600)
    host.check_output(RUN)
    assert shown(host) == before, "more than a third is left"
    age(host, left=LIFE / 3 - 3600)
    host.check_output(RUN)
    assert shown(host) != before
    assert shown(host).strip() in served_path(host)
    assert host.check_output("find /etc/letsencrypt/accounts -name private_key.json -exec sha256sum {} +") == accounts
    assert len(host.file("/etc/ssl/acme/board").listdir()) == 2, "the one before it stays, and no other"


def test_a_key_is_replaced_when_it_is_asked_for(hosts: dict[str, Host]) -> None:
    host = hosts["web1"]
    before = {name: shown(host, name) for name in (NAME, TENANT)}
    host.check_output("python3 /usr/local/lib/acme-certificates replace")
    for name, site in ((NAME, "board"), (TENANT, "tenants")):
        assert shown(host, name) != before[name]
        assert "renew" not in known(host, site)


def account(host: Host) -> str:
    return host.check_output("find /etc/letsencrypt/accounts -name private_key.json -exec sha256sum {} +")


def test_an_account_is_replaced_when_it_is_asked_for_and_when_the_authority_has_ended_it(
    hosts: dict[str, Host],
) -> None:
    host = hosts["web1"]
    first, before = account(host), shown(host)
    host.check_output("cp -a /etc/letsencrypt/accounts /root/accounts-before")
    host.check_output("python3 /usr/local/lib/acme-certificates account")
    assert account(host) != first
    assert shown(host) != before
    # As a restored image has it: the account that was ended.
    host.check_output("rm -r /etc/letsencrypt/accounts && mv /root/accounts-before /etc/letsencrypt/accounts")
    before = shown(host)
    age(host)
    host.check_output(RUN)
    assert account(host) != first
    assert shown(host) != before
    assert "failure" not in known(host)
    host.check_output("rm -r /etc/letsencrypt/accounts-lost-*")


def test_a_reload_that_a_cut_run_owes_is_made_up_for(hosts: dict[str, Host]) -> None:
    host = hosts["web1"]
    script = (
        "import json,pathlib;p=pathlib.Path('/var/lib/acme-certificates/state.json');d=json.loads(p.read_text());"
        "d['reload_owed']=True;p.write_text(json.dumps(d))"
    )
    worker = host.check_output("pgrep -n -x nginx")
    host.check_output(f'python3 -c "{script}"')
    host.check_output(RUN)
    assert not state(host)["reload_owed"]
    assert host.check_output("pgrep -n -x nginx") != worker, "workers of before the reload"


def test_with_the_authority_away_the_site_goes_on_and_the_host_warns(
    hosts: dict[str, Host], serving: Callable[[str], object]
) -> None:
    host = hosts["web1"]
    before = shown(host)
    age(host, left=20 * 86400)
    serving("away")
    host.check_output(RUN)  # 20 days are left: a failure hurts nobody yet.
    assert known(host)["failure"]["kind"] == "unreachable", known(host)
    assert shown(host) == before
    age(host, left=10 * 86400)
    assert host.run(RUN).rc != 0, "the unit fails from 14 days before the end"
    assert host.service("acme-certificates.service").is_running is False
    assert shown(host) == before


def test_a_rate_limit_is_kept_to_and_the_run_goes_on(hosts: dict[str, Host], serving: Callable[[str], object]) -> None:
    host = hosts["web1"]
    before = shown(host)
    age(host, left=20 * 86400)
    serving("limited")
    host.check_output(RUN)
    failure = known(host)["failure"]
    assert failure["kind"] == "rate_limit", failure
    assert failure["retry_after"] > time.time() + 365 * 86400
    assert shown(host) == before
    serving("serve")
    host.check_output(RUN)
    assert known(host)["failure"] == failure, "it is not asked before the moment that it named"
    host.check_output("sed -i s/retry_after/retry_was/ /var/lib/acme-certificates/state.json")
    host.check_output(RUN)
    assert "failure" not in known(host)
    assert shown(host) != before


def test_an_added_name_that_fails_is_refused_and_the_others_go_on(hosts: dict[str, Host], authority: Host) -> None:
    def record(method: str, name: str, named: list[str]) -> None:
        body = json.dumps({"name": name, "hosts": named})
        words = "import sys,urllib.request as u;u.urlopen(u.Request('http://127.0.0.1:8053/a',data=sys.argv[2].encode(),method=sys.argv[1]))"
        authority.check_output(f"python3 -c \"{words}\" {method} '{body}'")

    host, new = hosts["web1"], "new.example.org"
    before = shown(host)
    names = json.dumps(
        {
            "board_names": [NAME, new],
            "more_sites": [{"name": "later", "domains": ["later.example.org"], "upstream_socket": "/x"}],
        }
    )
    record("POST", new, [])
    record("POST", "later.example.org", [])
    failed = play("-e", names, limit="web1", check=False)
    assert failed.startswith("2")
    assert f"no certificate for {new} of board" in " ".join(failed.split())
    assert shown(host) == before, "the names that were there go on"
    for name in (new, "later.example.org"):
        assert "unrecognized" in shown(host, name).lower(), f"{name}: no certificate is offered that does not fit"
        assert plain(host, name) == (503, "")
    assert plain(host, NAME)[0] == 308
    record("DELETE", new, [])
    record("DELETE", "later.example.org", [])
    # Nobody runs Ansible: the timer is enough.
    host.check_output(RUN)
    for name, site in ((new, "board"), ("later.example.org", "later")):
        assert shown(host, name).strip() in served_path(host, site)
        assert plain(host, name)[0] == 308
    # Taken away again: a certificate without the name, and nothing left of the site.
    play(limit="web1")
    assert known(host)["domains"] == [NAME, "www.example.org"]
    assert "later" not in state(host)["certificates"]
    assert not host.file("/etc/ssl/acme/later").exists
    assert not host.file("/etc/letsencrypt/live/later").exists


def test_what_nginx_refuses_is_not_loaded(hosts: dict[str, Host]) -> None:
    host = hosts["web1"]
    before = shown(host)
    age(host)
    host.check_output("echo broken > /etc/nginx/conf.d/broken.conf")
    try:
        host.run(RUN)
        assert known(host)["failure"]["kind"] == "nginx"
        assert shown(host) == before
    finally:
        host.check_output("rm /etc/nginx/conf.d/broken.conf")
    host.check_output(RUN)
    assert shown(host) != before


def test_the_hooks_secrets_are_roots_alone(hosts: dict[str, Host]) -> None:
    for host in hosts.values():
        file = host.file("/etc/acme-certificates/environment.json")
        assert (file.user, file.mode) == ("root", 0o600)
