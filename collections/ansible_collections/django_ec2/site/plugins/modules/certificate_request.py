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
  renew_days:
    description: Days before its end at which a certificate is issued anew.
    type: int
    default: 30
  digest:
    description: What identifies the wishes of this call, computed by the action plugin. Not for use in playbooks.
    type: str
author:
  - The maintainers
attributes:
  check_mode:
    support: full
    description: In check mode no key and no request is made.
"""

EXAMPLES = r"""
- name: Look at the certificates
  django_ec2.site.certificate_request:
    authority: "{{ certificate_authority.certificate }}"
    certificates:
      - name: board
        certificate: /etc/ssl/board/fullchain.pem
        key: /etc/ssl/board/privkey.pem
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
"""

import grp
import ipaddress
import os
import pwd
import ssl
import tempfile

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.django_ec2.site.plugins.module_utils.host_config import memory


def comparable(name: str) -> str:
    """A name in one spelling: openssl writes ``IP Address:2001:DB8:0:0:0:0:0:5`` for ``IP:2001:db8::5``."""
    kind, _, value = name.strip().replace("IP Address:", "IP:").partition(":")
    return f"IP:{ipaddress.ip_address(value)}" if kind == "IP" else f"{kind}:{value}"


class Inspector:
    """Questions to openssl about one host's certificates."""

    def __init__(self, module: AnsibleModule) -> None:
        self.module = module
        self.openssl = module.get_bin_path("openssl")

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
            files = [memory.described_as_it_is(one[key]) for one in certificates for key in ("certificate", "key")]
            until = min(self.end(one["certificate"]) for one in certificates) - self.module.params["renew_days"] * 86400
            memory.write(name, digest, {"files": files}, until)

    def request(self, wanted: dict) -> str:
        """Make the key where it is missing, and the signing request."""
        key = wanted["key"]
        os.makedirs(os.path.dirname(key), mode=0o755, exist_ok=True)
        if not os.path.exists(key):
            # Written beside and renamed: an interrupted run leaves no half a key.
            handle, partial = tempfile.mkstemp(dir=os.path.dirname(key))
            os.close(handle)
            self.ask("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", partial)
            os.chown(partial, pwd.getpwnam(wanted["owner"]).pw_uid, grp.getgrnam(wanted["group"]).gr_gid)
            os.chmod(partial, int(wanted["mode"], 8))
            os.replace(partial, key)
        names = ",".join(wanted["subject_alt_names"])
        subject = "/CN=" + wanted["subject_alt_names"][0].split(":", 1)[1][:64]
        return self.ask("req", "-new", "-key", key, "-subj", subject, "-addext", f"subjectAltName={names}")[1]


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
                    "subject_alt_names": {"type": "list", "elements": "str", "required": True},
                    "owner": {"type": "str", "default": "root"},
                    "group": {"type": "str", "default": "root"},
                    "mode": {"type": "str", "default": "0600"},
                },
            },
            "authority": {"type": "str", "required": True},
            "renew_days": {"type": "int", "default": 30},
            "digest": {"type": "str"},
        },
        supports_check_mode=True,
    )
    inspector = Inspector(module)
    if inspector.openssl is None and not module.check_mode:
        module.fail_json(msg="openssl is not installed on this host: run the role base first.")
    requests = []
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as authority:
        authority.write(module.params["authority"])
        authority.flush()
        for wanted in module.params["certificates"]:
            reason = inspector.reason(wanted, authority.name) if inspector.openssl else "it is missing"
            if reason:
                request = {"name": wanted["name"], "certificate": wanted["certificate"], "reason": reason}
                if not module.check_mode:
                    request["csr"] = inspector.request(wanted)
                requests.append(request)
    if not requests and not module.check_mode:
        inspector.remember()
    module.exit_json(changed=bool(requests), requests=requests)


if __name__ == "__main__":
    main()
