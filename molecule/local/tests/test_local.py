"""One machine with everything on it, as somebody on that machine sees it."""

from __future__ import annotations

from typing import Any

CURL = "curl --silent --show-error --cacert /opt/project/inventory/local/ca.pem --resolve board.localhost:443:127.0.0.1"


def test_the_board_is_served_with_a_certificate_that_verifies(host: Any) -> None:
    answer = host.check_output(f"{CURL} --write-out '\\n%{{http_code}}' https://board.localhost/")
    assert answer.endswith("200")
    assert "<h1" in answer


def test_it_is_ready_and_runs_a_release(host: Any) -> None:
    assert '"ready"' in host.check_output(f"{CURL} --fail https://board.localhost/readyz")
    live = host.check_output("readlink -f /srv/board/live/release").rsplit("/", 1)[1]
    assert live in host.check_output(f"{CURL} --fail https://board.localhost/version")


def test_the_database_is_reached_over_its_socket_and_not_from_outside(host: Any) -> None:
    assert "@%2Fvar%2Frun%2Fpostgresql:5432/board" in host.check_output("cat /srv/board/live/environment")
    listening = host.check_output("ss --listening --tcp --numeric --no-header")
    addresses = {
        line.split()[3].rsplit(":", 1)[0] for line in listening.splitlines() if line.split()[3].endswith(":5432")
    }
    assert addresses <= {"127.0.0.1", "[::1]"}, listening


def test_the_secrets_are_their_owners_alone(host: Any) -> None:
    assert host.file("/opt/project/inventory/local/secrets.yml").mode == 0o600
