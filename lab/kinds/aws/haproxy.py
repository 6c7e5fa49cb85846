# SPDX-License-Identifier: MIT
"""A load balancer of the account in HAProxy's words, and what HAProxy says of its servers in AWS's.

The file has the listeners and the checks. Targets come and go by HAProxy's runtime API, so that nobody's connection is closed for them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from lab.kinds.aws.endpoint.account import Balancer, Group

ADMIN_PORT = 8404
CERTIFICATE = "/etc/haproxy/certificate.pem"
HEADER = """\
# {digest}
global
    log stdout format raw local0
    user haproxy
    group haproxy
    # Asked by the endpoint of the lab, on a network that nobody else is on.
    stats socket ipv4@:{port} level admin
    ssl-default-bind-options ssl-min-ver TLSv1.2
    tune.ssl.default-dh-param 2048
    hard-stop-after 60s

defaults
    mode http
    log global
    option httplog
    option forwardfor
    timeout connect 5s
    timeout client 60s
    timeout server 60s
    timeout http-keep-alive 60s
"""
# The state of a target, its reason and its description, as describe_target_health gives them.
State = tuple[str, str | None, str | None]
HEALTHY: State = ("healthy", None, None)
UNHEALTHY: State = ("unhealthy", "Target.FailedHealthChecks", "Health checks failed")
INITIAL: State = ("initial", "Elb.InitialHealthChecking", "Initial health checks in progress")
DRAINING: State = ("draining", "Target.DeregistrationInProgress", "Target deregistration is in progress")
# Of `show servers state`: the operational state, bits of the administrative one, and the result of the last check.
STOPPED, RUNNING, DRAIN, PASSED = 0, 2, 0x08, 3


@dataclass(frozen=True)
class Server:
    """A server as HAProxy knows it.

    Attributes:
        state: 0 stopped, 1 starting, 2 running, 3 stopping.
        admin: bits; ``DRAIN`` is one.
        weight: 0 until it passed its first check.
        check: the result of the last one.
    """

    state: int
    admin: int
    weight: int
    check: int


Servers = Mapping[tuple[str, str], Server]


def backend(group: Group) -> str:
    """The name of a target group's backend."""
    return group.arn.rpartition("targetgroup/")[2].replace("/", "_")


def digest(balancer: Balancer) -> str:
    """What changes when HAProxy needs another file, and not when targets come and go."""
    shape = [(one.arn, one.path, one.codes, one.interval, one.rise, one.fall) for one in balancer.groups]
    return hashlib.sha256(repr((balancer.listeners, balancer.certificate, shape)).encode()).hexdigest()[:16]


def settings(balancer: Balancer, healthy: Iterable[tuple[str, str]] = ()) -> str:
    """The text of haproxy.cfg.

    Args:
        balancer: what the account says.
        healthy: by backend and target, those that serve now, and go on when the file changes.
    """
    groups = {group.arn: group for group in balancer.groups}
    lines = [HEADER.format(digest=digest(balancer), port=ADMIN_PORT)]
    for listener in balancer.listeners:
        tls = f" ssl crt {CERTIFICATE} alpn h2,http/1.1" if listener.tls else ""
        lines += [f"frontend port{listener.port}", f"    bind :{listener.port}{tls}"]
        lines += [f"    http-request set-header X-Forwarded-Proto {'https' if listener.tls else 'http'}"]
        lines += [f"    http-request set-header X-Forwarded-Port {listener.port}"]
        if listener.group in groups:
            lines += [f"    default_backend {backend(groups[listener.group])}", ""]
        else:
            lines += ["    http-request redirect scheme https code 301", ""]
    for group in balancer.groups:
        name = backend(group)
        lines += [f"backend {name}", "    balance roundrobin", "    option httpchk"]
        lines += [
            f"    http-check send meth GET uri {group.path} ver HTTP/1.1 hdr Host {balancer.dns_name} hdr Connection close"
        ]
        lines += [f"    http-check expect status {group.codes}"]
        # As the balancer of AWS does, ask elsewhere only where no answer began.
        lines += ["    retries 1", "    option redispatch"]
        lines += [
            f"    server {target.id} {target.address}:{target.port} {_check(group)}"
            for target in group.targets
            if (name, target.id) in set(healthy)
        ]
        lines += [""]
    return "\n".join(lines)


def servers(text: str) -> dict[tuple[str, str], Server]:
    """By backend and name, the servers in an answer to `show servers state`."""
    found = {}
    for line in text.splitlines():
        words = line.split()
        if len(words) > 12 and not line.startswith("#"):
            found[words[1], words[3]] = Server(int(words[5]), int(words[6], 0), int(words[7]), int(words[11]))
    return found


def decide(balancer: Balancer, there: Servers, over: Iterable[tuple[str, str]] = ()) -> list[str]:
    """The commands that make HAProxy's servers the registered targets.

    Args:
        balancer: what the account says.
        there: HAProxy's servers.
        over: those whose deregistration delay is over.
    """
    commands = []
    wanted = {}
    for group in balancer.groups:
        name = backend(group)
        for target in group.targets:
            wanted[name, target.id] = target
            server = there.get((name, target.id))
            words = f"{name}/{target.id}"
            if server is None:
                # Asked, and not sent requests to.
                commands += [f"add server {words} {target.address}:{target.port} weight 0 {_check(group)}"]
                commands += [f"enable health {words}", f"enable server {words}"]
            elif server.admin & DRAIN:
                commands += [f"set server {words} state ready"]
            elif not server.weight and server.state != STOPPED and server.check == PASSED:
                commands += [f"set server {words} weight 1"]
    late = set(over)
    for key, server in there.items():
        words = "/".join(key)
        if key in wanted:
            continue
        if key in late:
            commands += [f"set server {words} state maint", f"shutdown sessions server {words}", f"del server {words}"]
        elif not server.admin & DRAIN:
            commands += [f"set server {words} state drain"]
    return commands


def states(balancer: Balancer, there: Servers) -> dict[tuple[str, str], State]:
    """By target group and target, what the account is told; those that are on their way out too."""
    arns = {backend(group): group.arn for group in balancer.groups}
    registered = {(group.arn, target.id) for group in balancer.groups for target in group.targets}
    told: dict[tuple[str, str], State] = dict.fromkeys(registered, INITIAL)
    for (name, target), server in there.items():
        key = (arns.get(name, ""), target)
        if key not in registered:
            told[key] = DRAINING
        elif server.state == STOPPED:
            told[key] = UNHEALTHY
        elif server.weight:
            told[key] = HEALTHY
    return told


def _check(group: Group) -> str:
    return f"check inter {group.interval}s rise {group.rise} fall {group.fall}"
