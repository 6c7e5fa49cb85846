# SPDX-License-Identifier: MIT
"""What the controller knows of certificates by ACME: which sites ask, what no authority would sign, what a run says of them."""

from __future__ import annotations

import datetime
import ipaddress
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ansible_collections.django_ec2.site.plugins.plugin_utils import network_flows

# Names that are nobody's on the Internet: RFC 6761, 6762, 7686, 8375, 9476, and what networks use at home.
PRIVATE = (
    "alt", "corp", "example", "home", "home.arpa", "internal", "intranet", "invalid", "lan", "local", "localdomain",
    "localhost", "onion", "private", "test",
)  # fmt: skip
LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
EMAIL = re.compile(r"[^@\s\"<>(),;:]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}")
# Let's Encrypt takes no account whose mail goes nowhere.
NOWHERE = ("example.com", "example.net", "example.org")
LETS_ENCRYPT = "api.letsencrypt.org"
# What network_visitors has where everybody may come.
EVERYBODY = {"world", "0.0.0.0/0"}
# Let's Encrypt's limits: names in one certificate, and certificates for the same names in a week. Each host asks for its own.
NAMES_AT_MOST = 100
HOSTS_AT_MOST = 5
WARNING_DAYS = 14
HELP = "docs/certificates.md tells more."


def name_problem(name: str) -> str:
    """Why no public authority signs a certificate for a name; empty where one would."""
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        pass
    else:
        return f"{name} is an address, and certificates by ACME are for names"
    bare = name.lower().removeprefix("*.")
    if "." not in bare or any(bare == one or bare.endswith(f".{one}") for one in PRIVATE):
        return f"{name} is a private name, which no public authority can ask"
    if not all(LABEL.fullmatch(label) for label in bare.split(".")) or len(bare) > 253:
        return f"{name} is no name that the public DNS knows (letters, digits and - between dots)"
    return ""


def provider(site: Mapping[str, Any], mode: str) -> str:
    """Where a site's certificate comes from: its own ``certificate_provider``, or what ``nginx_tls_mode`` says."""
    if mode == "none":
        return "none"
    chosen = site.get("certificate_provider") or mode
    if chosen != "auto":
        return chosen
    names = [*site["domains"], *site.get("redirect_domains", [])]
    return "project_ca" if any(name_problem(name) for name in names) else "acme"


def certificates(sites: Sequence[Mapping[str, Any]], mode: str) -> list[dict[str, Any]]:
    """The certificates that sites need by ACME, as the role ``acme`` takes them."""
    found = []
    for site in sites:
        if provider(site, mode) == "acme":
            names = list(dict.fromkeys(name.lower() for name in [*site["domains"], *site.get("redirect_domains", [])]))
            challenge = "dns" if any("*" in name for name in names) else "http"
            found.append({"name": site["name"], "domains": names, "challenge": challenge})
    return found


def problems(wanted: Sequence[Mapping[str, Any]], settings: Mapping[str, Any]) -> list[str]:
    """Why certificates could not be had, each with what to write instead.

    Args:
        wanted: what ``certificates`` returned.
        settings: email, directory, dns, dns_hook, directory_ca_file, and where the caller knows them http_port, visitors, hosts, and
            the flows that the hosts' firewalls are made of.
    """
    if not wanted:
        return []
    found = []
    elsewhere = "or give the site another certificate: certificate_provider: project_ca or files"
    for one in wanted:
        bad = [problem for name in one["domains"] if (problem := name_problem(name))]
        found += [f"{one['name']}: {problem}. List public names alone, {elsewhere}." for problem in bad]
        if len(one["domains"]) > NAMES_AT_MOST:
            found.append(
                f"{one['name']}: {len(one['domains'])} names; a certificate has {NAMES_AT_MOST} at most. Use several sites."
            )
    wildcards = [one["name"] for one in wanted if one["challenge"] == "dns"]
    if wildcards and not settings.get("dns"):
        found.append(
            f"{', '.join(wildcards)}: a wildcard name is proved by DNS alone. Set acme_dns: route53, or acme_dns: hook with acme_dns_hook."
        )
    if wildcards and settings.get("dns") == "hook" and not Path(settings.get("dns_hook") or "/").is_file():
        found.append(
            f"acme_dns_hook ({settings.get('dns_hook') or 'not set'}) is no file on this controller. Give the absolute path of the program "
            "that writes TXT records."
        )
    by_http = [one["name"] for one in wanted if one["challenge"] == "http"]
    port = settings.get("http_port", 80)
    if by_http and int(port) != 80:
        found.append(
            f"nginx_http_port is {port}, and an authority asks {', '.join(by_http)} on port 80. Set nginx_http_port: 80 and open it to "
            f"everybody, {elsewhere}."
        )
    visitors = settings.get("visitors")
    if by_http and visitors is not None and not EVERYBODY & set(visitors):
        found.append(
            f"port 80 is closed to everybody but {', '.join(map(str, visitors))} (network_visitors), and an authority asks "
            f"{', '.join(by_http)} there from anywhere. Let network_visitors have world, {elsewhere}."
        )
    elif by_http and settings.get("flows") is not None and not _open_to_everybody(settings["flows"]):
        found.append(
            f"no flow of network_flows opens port 80 of the web hosts to everybody, and an authority asks {', '.join(by_http)} there from "
            "anywhere. Add to network_extra_flows {name: acme, from: [world], to: web, port: 80}, " + elsewhere + "."
        )
    email = settings.get("email") or ""
    directory = settings.get("directory") or ""
    if email and not EMAIL.fullmatch(email):
        found.append(
            f"acme_email {email!r} is no address of e-mail. Write one such as ops@your-company.com, or leave it empty."
        )
    elif email and LETS_ENCRYPT in directory and email.rpartition("@")[2].lower() in NOWHERE:
        found.append(
            f"acme_email {email!r} is an example, which Let's Encrypt refuses. Write your own, or leave it empty."
        )
    if directory and not re.fullmatch(r"https://[^\s]+", directory):
        found.append(f"acme_directory {directory!r} is no https:// URL. Leave it out for Let's Encrypt.")
    authority = settings.get("directory_ca_file") or ""
    if authority and not Path(authority).is_file():
        found.append(
            f"acme_directory_ca_file ({authority}) is no file on this controller. Give an absolute path, or leave it out."
        )
    hosts = settings.get("hosts", 1)
    if hosts > HOSTS_AT_MOST and LETS_ENCRYPT in directory:
        found.append(
            f"{hosts} web hosts would ask for the same names, and Let's Encrypt issues {HOSTS_AT_MOST} such certificates a week. "
            "End TLS at the load balancer (nginx_tls_mode: none), or bring a certificate (nginx_tls_mode: files)."
        )
    return [f"{problem} {HELP}" for problem in found]


def _open_to_everybody(flows: Sequence[Mapping[str, Any]]) -> bool:
    # What is no flow is refused elsewhere; what concerns other groups has no part in this.
    sound = [flow for flow in flows if not network_flows.flow_problems([flow], [])]
    resolved = network_flows.resolve_flows(sound, ["web"])
    return any(flow["protocol"] == "tcp" and 80 in flow["ports"] and EVERYBODY & set(flow["from"]) for flow in resolved)


def due(state: Mapping[str, Any], seed: Mapping[str, Any], directory: str, now: float) -> bool:
    """Whether a host has something to ask for, as far as its facts tell.

    Args:
        state: what the host knew when its facts were read.
        seed: what it should have seeded.
        directory: the authority.
        now: seconds since the epoch.
    """
    known = state.get("certificates") or {}
    if (
        state.get("seeded") != seed
        or state.get("reload_owed")
        or set(known) != {one["name"] for one in seed["certificates"]}
    ):
        return True
    for one in seed["certificates"]:
        certificate = known[one["name"]]
        if certificate.get("failure", {}).get("retry_after", 0) > now:
            continue
        if "failure" in certificate or certificate.get("directory") != directory or certificate.get("renew"):
            return True
        if set(certificate.get("domains", [])) != set(one["domains"]):
            return True
        if now >= certificate["not_after"] - (certificate["not_after"] - certificate["not_before"]) / 3:
            return True
    return False


def without(state: Mapping[str, Any], wanted: Sequence[Mapping[str, Any]], host: str) -> list[str]:
    """What an operator has to know of names that have no certificate: nobody can visit them."""
    found = []
    for one in wanted:
        known = (state.get("certificates") or {}).get(one["name"]) or {}
        has = set(known.get("domains", []))
        missing = [
            name
            for name in one["domains"]
            if name not in has and ("*" in name or "*." + name.partition(".")[2] not in has)
        ]
        if missing:
            why = known.get("failure", {}).get("message", "nothing was asked for yet.")
            found.append(
                f"{host} has no certificate for {', '.join(missing)} of {one['name']}: {why} Until it has, port 443 refuses the handshake "
                "for these names and port 80 answers 503; the timer acme-certificates tries again."
            )
    return found


def notes(hosts: Sequence[Mapping[str, Any]], now: float) -> list[str]:
    """What a run says at its end: certificates that could not be renewed, and from 14 days before their end as a warning.

    Args:
        hosts: variables of all hosts.
        now: seconds since the epoch.
    """
    found = []
    for host in hosts:
        state = host.get("acme_known") or (host.get("ansible_local") or {}).get("acme") or {}
        for name, known in sorted((state.get("certificates") or {}).items()):
            failure = known.get("failure")
            if not known.get("path"):
                continue
            end = datetime.datetime.fromtimestamp(known["not_after"], datetime.UTC).strftime("%Y-%m-%d")
            left = known["not_after"] - now
            soon = left < min(WARNING_DAYS * 86400, (known["not_after"] - known["not_before"]) / 4)
            where = f"{host.get('inventory_hostname', '?')}: the certificate of {name}"
            if soon:
                why = (
                    failure["message"]
                    if failure
                    else "nothing has renewed it: systemctl status acme-certificates.timer."
                )
                found.append(f"WARNING: {where} ends on {end}, in {max(0, int(left // 86400))} days: {why}")
            elif failure:
                found.append(
                    f"{where} was not replaced; the site goes on with the one that ends on {end}: {failure['message']}"
                )
    return found
