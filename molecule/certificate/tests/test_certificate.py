"""Certificates as a client checks them, and what makes the next run issue another one."""

from __future__ import annotations

import json

import pytest
from controller import LAB, connect, play

PLAYBOOK = "certificate/converge.yml"
PATH = "/etc/ssl/example"
HOSTS = ["certificate-13", "certificate-12"]


def look(name: str, certificate: str = "example") -> dict[str, str]:
    """What tells two certificates, and two keys, of a host from each other."""
    host, directory = connect(name), f"/etc/ssl/{certificate}"
    serial, names = host.check_output(
        f"openssl x509 -in {directory}/fullchain.pem -noout -serial -ext subjectAltName"
    ).split("\n", 1)
    authority = host.file(f"{directory}/ca.pem")
    key = host.check_output(f"sha256sum {directory}/privkey.pem")
    return {
        "serial": serial,
        "names": names,
        "key": key,
        "authority": authority.content_string if authority.exists else "",
    }


def converge(*words: str, certificate: str = "example") -> dict[str, tuple[dict[str, str], dict[str, str]]]:
    """Run the play once more on all hosts; what was there before and after, by the host's name."""
    before = {name: look(name, certificate) for name in HOSTS}
    play(PLAYBOOK, *words, limit="certificate")
    return {name: (before[name], look(name, certificate)) for name in HOSTS}


@pytest.fixture(scope="session")
def foreign_secrets(tmp_path_factory) -> str:
    """Secrets with another authority, made as the lab's own are."""
    path = str(tmp_path_factory.mktemp("foreign") / "secrets.yml")
    play("../playbooks/secrets.yml", "-e", f"secrets_file={path}", limit="certificate-13")
    return path


@pytest.mark.parametrize("name", ["example", "readable"])
def test_certificate_is_signed_by_the_projects_authority(host, name):
    directory = f"/etc/ssl/{name}"
    host.check_output(
        f"openssl verify -x509_strict -purpose sslserver -CAfile {directory}/ca.pem {directory}/fullchain.pem"
    )
    assert host.file(f"{directory}/ca.pem").content_string.strip() == (LAB / "ca.pem").read_text().strip()


def test_certificate_is_for_the_names_that_were_asked_for(host):
    name = host.check_output("hostname")
    address = json.loads((LAB / "hosts.json").read_text())[name]
    verify = f"openssl verify -CAfile {PATH}/ca.pem"
    host.check_output(f"{verify} -verify_hostname {name} {PATH}/fullchain.pem")
    host.check_output(f"{verify} -verify_ip {address} {PATH}/fullchain.pem")
    assert host.run(f"{verify} -verify_hostname other.test {PATH}/fullchain.pem").rc != 0


def test_certificate_is_good_for_365_days(host):
    for days, code in ((364, 0), (366, 1)):
        assert host.run(f"openssl x509 -in {PATH}/fullchain.pem -noout -checkend {days * 86400}").rc == code


def test_key_is_its_owners_alone(host):
    key = host.file(f"{PATH}/privkey.pem")
    assert (key.user, key.group, key.mode) == ("root", "root", 0o600)
    assert host.run(f"runuser -u nobody -- cat {PATH}/privkey.pem").rc != 0
    assert host.run(f"runuser -u nobody -- cat {PATH}/fullchain.pem {PATH}/ca.pem").rc == 0


def test_key_is_for_those_who_were_asked_for(host):
    key = host.file("/etc/ssl/readable/privkey.pem")
    assert (key.user, key.group, key.mode) == ("www-data", "mail", 0o640)
    assert host.run("runuser -u www-data -- openssl pkey -in /etc/ssl/readable/privkey.pem -noout").rc == 0


def test_key_never_left_the_host(host):
    key = host.file(f"{PATH}/privkey.pem").content_string
    assert "PRIVATE KEY" in key
    found = [path for path in LAB.rglob("*") if path.is_file() and key.strip() in path.read_text(errors="replace")]
    assert found == []


def test_owner_mode_and_the_copy_of_the_authority_are_repaired():
    for name in HOSTS:
        connect(name).check_output(
            f"chmod 0644 {PATH}/privkey.pem && rm {PATH}/ca.pem && chown www-data /etc/ssl/readable && "
            "chmod 0666 /etc/ssl/readable/fullchain.pem"
        )
    for name, (before, after) in converge().items():
        host = connect(name)
        assert (host.file(f"{PATH}/privkey.pem").mode, host.file(f"{PATH}/ca.pem").mode) == (0o600, 0o644)
        assert host.file("/etc/ssl/readable").user == "root"
        assert host.file("/etc/ssl/readable/fullchain.pem").mode == 0o644
        assert after["serial"] == before["serial"], "nothing was issued anew"
        assert after["authority"].strip() == (LAB / "ca.pem").read_text().strip()


def test_other_names_give_another_certificate_for_the_same_key():
    for before, after in converge("-e", '{"example_names": ["DNS:other.test"]}').values():
        assert "other.test" in after["names"]
        assert after["serial"] != before["serial"]
        assert after["key"] == before["key"]


def test_certificate_near_its_end_is_renewed_for_the_same_key():
    words = "certificate_days=400 certificate_renew_days=398"
    for before, after in converge("-e", words, certificate="readable").values():
        assert after["serial"] != before["serial"]
        assert after["names"] == before["names"]
        assert after["key"] == before["key"]


def test_certificate_of_another_authority_is_replaced(foreign_secrets):
    ours = (LAB / "ca.pem").read_text().strip()
    for _before, foreign in converge("-e", f"secrets_file={foreign_secrets}").values():
        assert foreign["authority"].strip() != ours
    for name, (foreign, after) in converge().items():
        assert after["serial"] != foreign["serial"]
        assert after["key"] == foreign["key"]
        assert after["authority"].strip() == ours
        connect(name).check_output(f"openssl verify -CAfile {PATH}/ca.pem {PATH}/fullchain.pem")
