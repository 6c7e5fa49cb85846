# SPDX-License-Identifier: MIT
"""Filters of the role nginx: complete its sites, and find out on the controller what could not work."""

from __future__ import annotations

import ipaddress
import json
import re
from collections import Counter
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.django_ec2.site.plugins.plugin_utils import acme, domains, nginx_locations

DEFAULTS: dict[str, Any] = {
    "static_url": "/static/",
    "static_root": "",
    "static_public_root": "",
    "static_kept_root": "",
    "media_url": "/media/",
    "media_root": "",
    "group": "",
    "max_body_size": "10m",
    "read_timeout": 60,
    "locations": {},
    "login_paths": [],
    "hsts": "",
    "redirect_domains": [],
    "maintenance": False,
    "maintenance_allow": [],
    "maintenance_page": "",
}
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
LABEL = r"[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?"
DOMAIN = re.compile(rf"(\*\.)?{LABEL}(\.{LABEL})*")
# What ends a word in nginx's configuration, or is expanded in it, has no place in a path.
PATH = re.compile(r"/[^\s;{}\"'$\\]*")
HSTS = re.compile(r"max-age=\d+(; includeSubDomains)?(; preload)?|")
# nginx makes a variable of it, whose name has to fit into a bucket.
HEADER = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,59}")
SIZE = re.compile(r"\d+[kKmMgG]?")
PAGE = re.compile(r"(?!/)(?!(.*/)?\.\.?(/|$))[\w./+-]+\.html|")


def sites(entries: list[dict[str, Any]], mode: str = "") -> list[dict[str, Any]]:
    """Entries of ``nginx_sites`` with everything that may be left out, and the name that a load balancer's question gets.

    Args:
        entries: the sites.
        mode: ``nginx_tls_mode``, which is where the certificate of a site comes from that does not say.
    """
    return [
        {
            **DEFAULTS,
            **entry,
            "identifier": identifier(entry["name"]),
            "asked_domain": domains.asked(entry["domains"]) if entry["domains"] else "",
            "certificate_provider": acme.provider(entry, mode),
        }
        for entry in entries
    ]


def identifier(name: str) -> str:
    """What nginx's variables of a site end in: they know no ``-`` and no capital letters."""
    return name.lower().replace("-", "_")


def names(entries: list[dict[str, Any]]) -> list[str]:
    """Every name that is served or redirected."""
    return [name for site in sites(entries) for name in [*site["domains"], *site["redirect_domains"]]]


def names_bucket_size(entries: list[dict[str, Any]]) -> int:
    """Bytes of a bucket of nginx's hashes of names: the longest has to fit into one. Never less than nginx's own 128.

    An element is a pointer, the length in two bytes, and the name, up to the next multiple of eight; a bucket ends with another
    pointer. The hash of HSTS has ``on:`` before the name.
    """
    longest = max((len(name) + len("on:") for name in names(entries)), default=0)
    needed = 8 + (longest + 2 + 7) // 8 * 8 + 8
    return max(128, 1 << (needed - 1).bit_length())


def names_max_size(entries: list[dict[str, Any]]) -> int:
    """Buckets that nginx may try for its hashes of names: with too few of them it would not start. Never less than 2048."""
    return max(2048, 1 << (4 * len(names(entries)) - 1).bit_length() if entries else 0)


def certificate_requests(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What the role ``certificate`` has to keep for the sites."""
    return [
        {"name": site["name"], "subject_alt_names": [f"DNS:{name}" for name in names([site])]}
        for site in sites(entries)
    ]


def site_files(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One file a site, as entries of host_config's ``files``."""
    return [
        {
            "path": f"/etc/nginx/sites-enabled/{site['name']}.conf",
            "template": "site.conf.j2",
            "vars": {"site": site},
            "triggers": ["reload"],
        }
        for site in sites(entries)
    ]


def limit_problems(rate: str, burst: Any, networks: list[str]) -> list[str]:
    """What of the limits that all sites share could not work: ``nginx_login_rate``, ``nginx_login_burst``, ``nginx_limits_allow``."""
    problems = network_problems("nginx_limits_allow", networks)
    if rate and not nginx_locations.RATE.fullmatch(rate):
        problems.append(f"nginx_login_rate {rate!r} must be such as 30/m or 1/s, or '' for no limit.")
    if not re.fullmatch(r"\d{1,6}", str(burst)):
        problems.append(f"nginx_login_burst {burst!r} must be a number of requests.")
    return problems


def http3_problems(wanted: bool, system: dict[str, Any], protocols: list[str], mode: str) -> list[str]:
    """Why HTTP/3 can't be offered, each with what to write instead.

    Args:
        wanted: ``nginx_http3``.
        system: what ``vars/<system>.yml`` says.
        protocols: ``nginx_tls_protocols``.
        mode: ``nginx_tls_mode``.
    """
    if not wanted:
        return []
    problems = []
    if not system["http3"]:
        problems.append(
            f"nginx_http3 needs nginx 1.25, and this system has {system['version']}: leave nginx_http3 out for its hosts, or move them to "
            "Debian 13 (docs/operating-systems.md)."
        )
    if "TLSv1.3" not in protocols:
        problems.append("nginx_http3 needs TLSv1.3 in nginx_tls_protocols: add it, or leave nginx_http3 out.")
    if mode == "none":
        problems.append("nginx_http3 has no use where a load balancer ends TLS (nginx_tls_mode: none): leave it out.")
    return problems


def page_files(page: dict[str, Any]) -> list[dict[str, Any]]:
    """A page of nginx's own for people and for machines, as entries of host_config's ``files``.

    Args:
        page: its ``key``, and as ``value`` its title, text, error and message.
    """
    place, words = f"/etc/nginx/pages/{page['key']}", page["value"]
    machines = json.dumps({"error": words["error"], "message": words["message"]})
    return [
        {"path": f"{place}.html", "template": "page.html.j2", "vars": {"page": words}},
        {"path": f"{place}.json", "content": f"{machines}\n"},
    ]


def _site_problems(site: dict[str, Any]) -> list[str]:
    problems = []
    if not NAME.fullmatch(site["name"]):
        problems.append("name may hold letters, digits, - and _ only; files are named after it")
    if not site["domains"]:
        problems.append("domains is empty; list at least one name, such as board.example.org")
    problems += [
        f"{name!r} is no domain; write a name such as board.example.org or *.example.org"
        for name in names([site])
        if not DOMAIN.fullmatch(name)
    ]
    if site["redirect_domains"] and site["domains"] and site["domains"][0].startswith("*"):
        problems.append("redirect_domains need a first domain without *, to have somewhere to go")
    for key in ("upstream_socket", "static_root", "static_public_root", "static_kept_root", "media_root"):
        if site[key] and not PATH.fullmatch(site[key]):
            problems.append(f"{key} {site[key]!r} must be an absolute path without spaces, quotes, $, ; or braces")
    if site["static_kept_root"] and not site["static_root"]:
        problems.append("static_kept_root is the second place to look; set static_root as the first")
    if site["static_public_root"] and not site["static_root"]:
        problems.append("static_public_root has what static_root has, for nginx alone; set static_root, too")
    for key in ("static_url", "media_url"):
        if not re.fullmatch(r"/([^\s;{}\"'$\\]+/)?", site[key]) or site[key] == "/":
            problems.append(f"{key} {site[key]!r} must begin and end with a slash, such as /static/")
    problems += nginx_locations.problems(site)
    if not HSTS.fullmatch(site["hsts"]):
        problems.append(f"hsts {site['hsts']!r} must be a header such as 'max-age=31536000; includeSubDomains'")
    if not PAGE.fullmatch(site["maintenance_page"]):
        problems.append(
            f"maintenance_page {site['maintenance_page']!r} must be a page below static_root, such as shop/maintenance.html"
        )
    if site["maintenance_page"] and not site["static_root"]:
        problems.append("maintenance_page is one of the files in static_root; set static_root")
    problems += network_problems("maintenance_allow", site["maintenance_allow"])
    if site["static_url"].startswith(site["media_url"]) or site["media_url"].startswith(site["static_url"]):
        problems.append("static_url and media_url lie in each other; nginx could not tell them apart")
    if not SIZE.fullmatch(str(site["max_body_size"])):
        problems.append(f"max_body_size {site['max_body_size']!r} must be a size such as 10m, or 0 for no limit")
    return [f"nginx_sites, {site['name']}: {problem.rstrip('.')}." for problem in problems]


def site_problems(entries: list[dict[str, Any]]) -> list[str]:
    """Why these sites could not be served, each with what to write instead."""
    problems = [problem for site in sites(entries) for problem in _site_problems(site)]
    twice = [name for name, count in Counter(site["name"] for site in entries).items() if count > 1]
    problems += [f"nginx_sites: two sites are named {name}; give each its own name." for name in twice]
    alike = [
        name
        for name, count in Counter(identifier(name) for name in {site["name"] for site in entries}).items()
        if count > 1
    ]
    problems += [
        f"nginx_sites: the names of two sites are both {name} to nginx, which knows no '-' and no capital letters in variables; give one "
        "another name."
        for name in alike
    ]
    twice = [name for name, count in Counter(map(str.lower, names(entries))).items() if count > 1]
    problems += [f"nginx_sites: {name} is listed twice; a name belongs to one site." for name in twice]
    return problems


def header_problems(headers: dict[str, Any]) -> list[str]:
    """Which entries of ``nginx_default_headers`` are no headers."""
    problems = []
    for name, value in headers.items():
        if not HEADER.fullmatch(str(name)):
            problems.append(
                f"nginx_default_headers: {name!r} is no name of a header; write one such as Referrer-Policy."
            )
        # A value is a string of nginx's configuration, where $ begins a variable and a backslash quotes.
        elif not isinstance(value, str) or re.search(r"[\n\r$\\]", value):
            problems.append(
                f"nginx_default_headers: {name} must be one line of text without $ and backslashes, or '' for none."
            )
    return problems


def network_problems(option: str, networks: list[str]) -> list[str]:
    """Which entries of an option are no networks."""
    problems = []
    for network in networks:
        try:
            ipaddress.ip_network(network)
        except ValueError as error:
            problems.append(f"{option}: {error}. Write a network such as 10.0.0.0/16.")
    return problems


def proxy_problems(networks: list[str]) -> list[str]:
    """Which entries of ``nginx_trusted_proxies`` are no networks."""
    return network_problems("nginx_trusted_proxies", networks)


def _covers(pattern: str, name: str) -> bool:
    pattern, name = pattern.lower(), name.lower()
    return pattern == name or (pattern.startswith("*.") and pattern[1:] == name[name.find(".") :] and "." in name)


def certificate_problems(certificate: str, key: str, wanted: list[str]) -> list[str]:
    """Why a certificate that the user brought could not serve these names."""
    # Imported here: every task of a run loads the filters anew, and few of them look at a certificate.
    try:
        from cryptography import x509  # noqa: PLC0415 - see above
        from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - see above
    except ImportError as error:
        message = "nginx_tls_mode: files needs the Python library cryptography on the controller"
        raise AnsibleFilterError(message) from error
    try:
        chain = x509.load_pem_x509_certificates(certificate.encode())
    except ValueError:
        return ["nginx_tls_certificate_file holds no certificate in PEM (-----BEGIN CERTIFICATE-----)."]
    try:
        private = serialization.load_pem_private_key(key.encode(), password=None)
    except TypeError:
        return ["nginx_tls_key_file has a passphrase, which nginx could not ask for; use ansible-vault to protect it."]
    except ValueError:
        return ["nginx_tls_key_file holds no private key in PEM (-----BEGIN PRIVATE KEY-----)."]
    problems = []
    leaf = chain[0]
    form = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    if private.public_key().public_bytes(*form) != leaf.public_key().public_bytes(*form):
        problems.append(
            "nginx_tls_key_file does not belong to the first certificate of nginx_tls_certificate_file. "
            "Put the certificate that was issued for this key first, its chain after it."
        )
    try:
        covered = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(
            x509.DNSName
        )
    except x509.ExtensionNotFound:
        covered = []
    missing = [name for name in wanted if not any(_covers(pattern, name) for pattern in covered)]
    if missing:
        problems.append(
            f"nginx_tls_certificate_file is for {', '.join(covered) or 'no name at all'}; it lacks {', '.join(missing)}. "
            "Have one issued that covers the domains and redirect_domains of all sites."
        )
    return problems


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Any]:
        return {
            "nginx_completed_sites": sites,
            "nginx_names": names,
            "nginx_names_bucket_size": names_bucket_size,
            "nginx_names_max_size": names_max_size,
            "nginx_locations": nginx_locations.locations,
            "nginx_limits": nginx_locations.limits,
            "nginx_limit_problems": limit_problems,
            "nginx_http3_problems": http3_problems,
            "nginx_page_files": page_files,
            "nginx_site_files": site_files,
            "nginx_certificate_requests": certificate_requests,
            "nginx_site_problems": site_problems,
            "nginx_header_problems": header_problems,
            "nginx_proxy_problems": proxy_problems,
            "nginx_certificate_problems": certificate_problems,
        }
