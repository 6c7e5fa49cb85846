"""What HAProxy is told of a load balancer."""

from __future__ import annotations

from dataclasses import replace

from lab.kinds.aws.endpoint.account import Balancer, Group, Listener, Target
from lab.kinds.aws.haproxy import (
    DRAIN,
    DRAINING,
    HEALTHY,
    INITIAL,
    UNHEALTHY,
    Server,
    decide,
    digest,
    servers,
    settings,
    states,
)  # fmt: skip

ARN = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/board/50dc6c495c0c9188"
NAME = "board_50dc6c495c0c9188"
TARGETS = (Target("i-1", "10.89.27.4", 80), Target("i-2", "10.89.27.5", 80))
GROUP = Group(arn=ARN, path="/readyz", codes="200", interval=10, rise=2, fall=3, drain_seconds=30, targets=TARGETS)
BALANCER = Balancer(
    "board", "board-1.elb.amazonaws.com", "PEM", (Listener(80, False), Listener(443, True, ARN)), (GROUP,)
)
WITHOUT_THE_SECOND = replace(BALANCER, groups=(replace(GROUP, targets=TARGETS[:1]),))
NEW, DOWN, PASSED, UP = Server(2, 0, 0, 0), Server(0, 0, 1, 2), Server(2, 0, 0, 3), Server(2, 0, 1, 3)


def test_a_listener_redirects_or_leads_to_its_group() -> None:
    text = settings(BALANCER)
    plain, tls = text.split("frontend port80")[1].split("frontend port443")
    assert "redirect scheme https code 301" in plain and "default_backend" not in plain
    assert "bind :443 ssl crt" in tls and f"default_backend {NAME}" in tls
    assert "X-Forwarded-Proto https" in tls
    assert "http-check send meth GET uri /readyz" in text
    assert "server i-" not in text


def test_those_that_serve_go_on_when_the_file_changes() -> None:
    text = settings(BALANCER, [(NAME, "i-1")])
    assert "    server i-1 10.89.27.4:80 check inter 10s rise 2 fall 3" in text
    assert "server i-2" not in text


def test_the_file_is_another_one_when_a_check_changes_and_not_when_a_target_comes() -> None:
    assert digest(BALANCER) == digest(WITHOUT_THE_SECOND)
    assert digest(BALANCER) != digest(replace(BALANCER, certificate="another"))
    assert digest(BALANCER) != digest(replace(BALANCER, groups=(replace(GROUP, interval=5),)))


def test_a_target_gets_requests_after_its_first_check() -> None:
    added = decide(BALANCER, {(NAME, "i-2"): UP})
    assert added[0] == f"add server {NAME}/i-1 10.89.27.4:80 weight 0 check inter 10s rise 2 fall 3"
    assert decide(BALANCER, {(NAME, "i-1"): NEW, (NAME, "i-2"): UP}) == []
    assert decide(BALANCER, {(NAME, "i-1"): PASSED, (NAME, "i-2"): UP}) == [f"set server {NAME}/i-1 weight 1"]
    there = {(NAME, "i-1"): NEW, (NAME, "i-2"): DOWN}
    assert states(BALANCER, there) == {(ARN, "i-1"): INITIAL, (ARN, "i-2"): UNHEALTHY}


def test_a_target_that_leaves_drains_until_its_delay_is_over() -> None:
    there = {(NAME, "i-1"): UP, (NAME, "i-2"): UP}
    assert decide(WITHOUT_THE_SECOND, there) == [f"set server {NAME}/i-2 state drain"]
    there[NAME, "i-2"] = Server(2, DRAIN, 1, 3)
    assert decide(WITHOUT_THE_SECOND, there) == []
    assert states(WITHOUT_THE_SECOND, there) == {(ARN, "i-1"): HEALTHY, (ARN, "i-2"): DRAINING}
    assert decide(WITHOUT_THE_SECOND, there, [(NAME, "i-2")])[-1] == f"del server {NAME}/i-2"
    # Registered again meanwhile.
    assert decide(BALANCER, there) == [f"set server {NAME}/i-2 state ready"]


def test_what_haproxy_says_of_its_servers() -> None:
    text = (
        "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight ...\n"
        f"3 {NAME} 1 i-1 10.89.27.4 2 8 1 0 12 6 3 4 6 0 0 0 - 80 - 0 0 - - 0\n\n"
    )
    assert servers(text) == {(NAME, "i-1"): Server(2, DRAIN, 1, 3)}
