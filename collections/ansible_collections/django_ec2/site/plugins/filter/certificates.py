# SPDX-License-Identifier: MIT
"""Filters of the role certificate: where a certificate lies, the files of one that was just signed, and which authorities count."""

from __future__ import annotations

from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils import authority as authorities

ROOT = "/etc/ssl"
# What a service that serves with a certificate owes to it.
TRIGGERS = ["certificate"]


def certificate_directory(name: str) -> dict[str, str]:
    """The directory of a certificate, as an entry of host_config's ``directories``."""
    return {"path": f"{ROOT}/{name}"}


def certificate_paths(request: dict[str, Any]) -> dict[str, Any]:
    """An entry of ``certificate_requests`` with the paths of certificate, key and authority."""
    directory = f"{ROOT}/{request['name']}"
    return {
        **request,
        "certificate": f"{directory}/fullchain.pem",
        "key": f"{directory}/privkey.pem",
        "authority_file": f"{directory}/ca.pem",
    }


def certificate_files(signed: list[dict[str, Any]], trusted: str) -> list[dict[str, Any]]:
    """The files of certificates that were signed, as entries of host_config's ``files``.

    Args:
        signed: results of ``community.crypto.x509_certificate_pipe`` looped over ``certificate_request``'s requests.
        trusted: the certificates (PEM) of the authorities that count.
    """
    files = []
    for result in signed:
        directory = certificate_directory(result["item"]["name"])["path"]
        files.append({"path": f"{directory}/fullchain.pem", "content": result["certificate"], "triggers": TRIGGERS})
        files.append({"path": f"{directory}/ca.pem", "content": trusted, "triggers": TRIGGERS})
    return files


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Any]:
        return {
            "certificate_directory": certificate_directory,
            "certificate_paths": certificate_paths,
            "certificate_files": certificate_files,
            "trusted_authorities": authorities.trusted,
        }
