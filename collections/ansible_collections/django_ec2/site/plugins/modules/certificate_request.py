#!/usr/bin/python
# SPDX-License-Identifier: MIT
"""Look at a host's certificates; make a key and a signing request where one has to be issued."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: certificate_request
short_description: Find out which certificates of a host have to be issued, and make their signing requests
description:
  - Looks at each certificate on the host with one round trip. One that is missing, near its end, for other names,
    signed by another authority or not made for its key has to be issued.
  - Owner and mode of the key, of the certificate and of their directory are made what they should be, and the copy of the
    authorities' certificates is written again where it is missing or another one.
  - For such a one the private key is made on the host, where it stays, and a signing request is returned.
  - Uses the host's C(openssl) command, nothing else.
  - The host remembers certificates that were found good. As long as M(host_config), which compares what is remembered with
    the host, has found the same files in this run, and none of them is near its end, the host is not asked again.
options:
  certificates:
    description: The certificates that the host has to have.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the certificate, for messages.
        type: str
        required: true
      certificate:
        description: Path of the certificate (PEM, leaf first).
        type: path
        required: true
      key:
        description: Path of the private key (PEM).
        type: path
        required: true
      authority_file:
        description: Path of a copy of O(trusted) beside them. None is kept without it.
        type: path
      subject_alt_names:
        description: What it is for, each as C(DNS:name) or C(IP:address).
        type: list
        elements: str
        required: true
      owner:
        description: Owner of the key.
        type: str
        default: root
      group:
        description: Group of the key.
        type: str
        default: root
      mode:
        description: Mode of the key, as a quoted octal number.
        type: str
        default: "0600"
  authority:
    description: The authority's certificate (PEM); certificates that another one signed are issued anew.
    type: str
    required: true
  trusted:
    description:
      - The certificates (PEM) of all authorities that count, for C(authority_file). The default is O(authority) alone.
      - While one authority takes the place of another, both count.
    type: str
  renew_days:
    description: Days before its end at which a certificate is issued anew.
    type: int
    default: 30
  keys_before:
    description:
      - Keys that are older than this moment, in seconds since the epoch, are to be replaced. V(0) replaces none.
      - The new key is made beside the old one, as C(<key>.next), and the request is for it. The service goes on with the old pair of key
        and certificate.
      - Once the certificate for it is in place, the next call of this module puts the key into its place, whatever this says.
    type: float
    default: 0
  owes:
    description:
      - Whose service has to load what is repaired here. It is noted on the host's disk first, as with the option of that name of
        M(host_config).
    type: str
  digest:
    description: What identifies the wishes of this call, computed by the action plugin. Not for use in playbooks.
    type: str
author:
  - The maintainers
attributes:
  check_mode:
    support: full
    description: In check mode no key and no request is made, and nothing is repaired.
  diff_mode:
    support: full
    description: Shows owners and modes that are repaired.
"""

EXAMPLES = r"""
- name: Look at the certificates
  django_ec2.site.certificate_request:
    authority: "{{ certificate_authority.certificate }}"
    certificates:
      - name: board
        certificate: /etc/ssl/board/fullchain.pem
        key: /etc/ssl/board/privkey.pem
        authority_file: /etc/ssl/board/ca.pem
        subject_alt_names: ["DNS:board.example.org"]
  register: requests
"""

RETURN = r"""
requests:
  description: What has to be issued, with the reason and the signing request (none in check mode).
  type: list
  elements: dict
  returned: always
  sample:
    - name: board
      certificate: /etc/ssl/board/fullchain.pem
      reason: it is missing
      csr: "-----BEGIN CERTIFICATE REQUEST-----…"
repaired:
  description: Files and directories of good certificates that had another owner, mode or content.
  type: list
  elements: dict
  returned: always
  sample: [{name: board, path: /etc/ssl/board/privkey.pem}]
"""

import ipaddress
import os
import ssl
import tempfile
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.django_ec2.site.plugins.module_utils.host_config import memory, owed
from ansible_collections.django_ec2.site.plugins.module_utils.host_config.accounts import owner_of
from ansible_collections.django_ec2.site.plugins.module_utils.host_config.errors import HostConfigError
from ansible_collections.django_ec2.site.plugins.module_utils.host_config.files import attribute_diff
from ansible_collections.django_ec2.site.plugins.module_utils.host_config.paths import attributes
from ansible_collections.django_ec2.site.plugins.module_utils.host_config.report import diff_item

# Behind the name of a key that waits for its certificate.
NEXT = ".next"
# Who has what anybody may read.
PUBLIC = {"owner": "root", "group": "root"}


def comparable(name: str) -> str:
    """A name in one spelling: openssl writes ``IP Address:2001:DB8:0:0:0:0:0:5`` for ``IP:2001:db8::5``."""
    kind, _, value = name.strip().replace("IP Address:", "IP:").partition(":")
    return f"IP:{ipaddress.ip_address(value)}" if kind == "IP" else f"{kind}:{value}"


class Inspector:
    """Questions to openssl about one host's certificates."""

    def __init__(self, module: AnsibleModule) -> None:
        self.module = module
        self.openssl = module.get_bin_path("openssl")
        self.trusted = module.params["trusted"] or module.params["authority"]

    def ask(self, *words: str, check: bool = True) -> tuple[int, str]:
        """Run openssl; returns exit code and output."""
        code, out, err = self.module.run_command([self.openssl, *words])
        if check and code != 0:
            self.module.fail_json(msg=f"openssl {' '.join(words)} failed: {err.strip()}")
        return code, out

    def reason(self, wanted: dict, authority: str) -> str | None:
        """Why a certificate has to be issued; None when it is good."""
        path = wanted["certificate"]
        if not os.path.exists(path) or not os.path.exists(wanted["key"]):
            return "it is missing"
        if self.ask("verify", "-partial_chain", "-CAfile", authority, path, check=False)[0] != 0:
            return "it is not signed by this authority, or is past its end"
        seconds = str(self.module.params["renew_days"] * 86400)
        if self.ask("x509", "-in", path, "-noout", "-checkend", seconds, check=False)[0] != 0:
            return f"it ends within {self.module.params['renew_days']} days"
        listed = self.ask("x509", "-in", path, "-noout", "-ext", "subjectAltName", check=False)[1]
        present = {comparable(word) for word in listed.partition("\n")[2].split(",")}
        if present != {comparable(word) for word in wanted["subject_alt_names"]}:
            return "it is for other names"
        of_key = self.ask("pkey", "-in", wanted["key"], "-pubout", check=False)[1]
        of_certificate = self.ask("x509", "-in", path, "-noout", "-pubkey", check=False)[1]
        return None if of_key == of_certificate else "its key is another one"

    def outdated(self, wanted: dict) -> bool:
        """Whether the key is one of those that are to be replaced."""
        key = wanted["key"]
        return os.path.exists(key) and os.stat(key).st_mtime < self.module.params["keys_before"]

    def take_next(self, wanted: dict) -> list[dict[str, str]]:
        """Put the key that was made beside the old one into its place, when the certificate is for it; the difference."""
        waiting, path = wanted["key"] + NEXT, wanted["certificate"]
        if not os.path.exists(waiting) or not os.path.exists(path):
            return []
        of_key = self.ask("pkey", "-in", waiting, "-pubout", check=False)[1]
        if of_key != self.ask("x509", "-in", path, "-noout", "-pubkey", check=False)[1]:
            return []
        if not self.module.check_mode:
            self.owe()
            os.replace(waiting, wanted["key"])
        return [diff_item(wanted["key"], "the key before it\n", "the key of the certificate\n")]

    def end(self, path: str) -> float:
        """When a certificate ends, as seconds since the epoch."""
        return ssl.cert_time_to_seconds(
            self.ask("x509", "-in", path, "-noout", "-enddate")[1].strip().partition("=")[2]
        )

    def remember(self) -> None:
        """Keep which files were found good, and until when they are."""
        certificates, digest = self.module.params["certificates"], self.module.params["digest"]
        name = "certificates-" + "-".join(one["name"] for one in certificates)
        if certificates and digest and memory.NAME.fullmatch(name):
            parts = [part for one in certificates for part in places(one)]
            files = [memory.described_as_wanted(part) for part in parts if not part["directory"]]
            directories = [{**part, "triggers": []} for part in parts if part["directory"]]
            until = min(self.end(one["certificate"]) for one in certificates) - self.module.params["renew_days"] * 86400
            memory.write(name, digest, {"files": files, "directories": directories}, until)

    def repair(self, wanted: dict, issued_anew: bool) -> list[dict[str, str]]:
        """Make owners, modes and the copy of the authorities what they should be; their differences.

        Args:
            wanted: the certificate.
            issued_anew: whether its files but for the key are placed by whoever issues it.
        """
        diff = []
        path = wanted["authority_file"]
        if path and not issued_anew and not same_text(path, self.trusted):
            diff.append(
                diff_item(
                    path, "another content\n" if os.path.exists(path) else "absent\n", "the authorities' certificates\n"
                )
            )
            if not self.module.check_mode:
                self.owe()
                replace(path, self.trusted)
        for part in places(wanted)[:1] if issued_anew else places(wanted):
            if not os.path.exists(part["path"]):  # In check mode: the copy that is missing.
                continue
            status = os.stat(part["path"])
            if attributes(status) == (*owner_of(part), part["mode"]):
                continue
            diff.append(attribute_diff(part, status))
            if not self.module.check_mode:
                self.owe()
                os.chown(part["path"], *owner_of(part))
                os.chmod(part["path"], part["mode"])
        return diff

    def owe(self) -> None:
        """Note on disk, before a file is another one, that whoever serves with it has to load it."""
        owed.add(self.module.params["owes"], ["certificate"])

    def request(self, wanted: dict, outdated: bool) -> str:
        """Make the key where it is missing, beside the old one where that is to be replaced, and the signing request."""
        key = wanted["key"] + (NEXT if outdated else "")
        os.makedirs(os.path.dirname(key), mode=0o755, exist_ok=True)
        if not os.path.exists(key):
            # Written beside and renamed: an interrupted run leaves no half a key.
            handle, partial = tempfile.mkstemp(dir=os.path.dirname(key))
            os.close(handle)
            self.ask("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", partial)
            os.chown(partial, *owner_of({**wanted, "path": wanted["key"]}))
            os.chmod(partial, int(wanted["mode"], 8))
            os.replace(partial, key)
        names = ",".join(wanted["subject_alt_names"])
        subject = "/CN=" + wanted["subject_alt_names"][0].split(":", 1)[1][:64]
        return self.ask("req", "-new", "-key", key, "-subj", subject, "-addext", f"subjectAltName={names}")[1]


def places(wanted: dict) -> list[dict[str, Any]]:
    """What a certificate consists of on the host, each with owner, group and mode: the key first, the directory last."""
    key = {name: wanted[name] for name in ("owner", "group")}
    parts = [
        {"path": wanted["key"], **key, "mode": int(wanted["mode"], 8), "directory": False},
        {"path": wanted["certificate"], **PUBLIC, "mode": 0o644, "directory": False},
    ]
    if wanted["authority_file"]:
        parts.append({"path": wanted["authority_file"], **PUBLIC, "mode": 0o644, "directory": False})
    directories = dict.fromkeys(os.path.dirname(part["path"]) for part in parts)
    return [*parts, *({"path": one, **PUBLIC, "mode": 0o755, "directory": True} for one in directories)]


def same_text(path: str, text: str) -> bool:
    """Whether a file has this text, whatever stands at its end."""
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return stream.read().strip() == text.strip()
    except FileNotFoundError:
        return False


def replace(path: str, text: str) -> None:
    """Write a file in one step."""
    handle, partial = tempfile.mkstemp(dir=os.path.dirname(path))
    with open(handle, "w", encoding="utf-8") as stream:
        stream.write(text)
    os.chmod(partial, 0o644)
    os.replace(partial, path)


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "certificates": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {
                    "name": {"type": "str", "required": True},
                    "certificate": {"type": "path", "required": True},
                    "key": {"type": "path", "required": True, "no_log": False},
                    "authority_file": {"type": "path"},
                    "subject_alt_names": {"type": "list", "elements": "str", "required": True},
                    "owner": {"type": "str", "default": "root"},
                    "group": {"type": "str", "default": "root"},
                    "mode": {"type": "str", "default": "0600"},
                },
            },
            "authority": {"type": "str", "required": True},
            "trusted": {"type": "str"},
            "renew_days": {"type": "int", "default": 30},
            "keys_before": {"type": "float", "default": 0},
            "owes": {"type": "str"},
            "digest": {"type": "str"},
        },
        supports_check_mode=True,
    )
    inspector = Inspector(module)
    if inspector.openssl is None and not module.check_mode:
        module.fail_json(msg="openssl is not installed on this host: run the role base first.")
    requests, repaired, diff = [], [], []
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as authority:
        authority.write(module.params["authority"])
        authority.flush()
        for wanted in module.params["certificates"]:
            taken = inspector.take_next(wanted) if inspector.openssl else []
            outdated = inspector.outdated(wanted)
            reason = inspector.reason(wanted, authority.name) if inspector.openssl else "it is missing"
            if taken and module.check_mode:
                reason = None
            if outdated:
                reason = reason or "its key is to be replaced"
            if reason:
                request = {"name": wanted["name"], "certificate": wanted["certificate"], "reason": reason}
                if not module.check_mode:
                    request["csr"] = inspector.request(wanted, outdated)
                requests.append(request)
            try:
                differences = taken + inspector.repair(wanted, issued_anew=bool(reason))
            except HostConfigError as error:
                module.fail_json(msg=str(error))
            diff += differences
            repaired += [{"name": wanted["name"], "path": one["after_header"]} for one in differences]
    if not requests and not module.check_mode:
        inspector.remember()
    module.exit_json(changed=bool(requests or repaired), requests=requests, repaired=repaired, diff=diff)


if __name__ == "__main__":
    main()
