# SPDX-License-Identifier: MIT
"""Puts certificates where nginx reads them, and has it load them: tested before, and asked for after.

A certificate and its key lie together in a directory of their own, and one small file of nginx names that directory: the
change from one to the next is the rename of this file, and nobody ever sees a key beside another one's certificate.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import ssl
import subprocess
import time
from pathlib import Path
from typing import Any

import client
import examine
from settings import Settings, Wanted
from state import State

CERTIFICATES = Path("/etc/ssl/acme")
SNIPPETS = Path("/etc/nginx/acme")
# Where a site that had another provider has its certificate: it serves with it until its new one is there.
EARLIER = ("/etc/ssl/{site}", "/etc/nginx/tls")
SERVED_SECONDS = 20


def written(settings: Settings) -> dict[str, str]:
    """What nginx includes now."""
    del settings
    return {path.name: path.read_text() for path in sorted(SNIPPETS.glob("*.*"))} if SNIPPETS.is_dir() else {}


def adopted(settings: Settings, wanted: Wanted) -> dict[str, Any]:
    """The certificate that a site had from another provider, as the state knows one; {} where it had none that is good."""
    for pattern in EARLIER:
        directory = Path(pattern.format(site=wanted.name))
        try:
            chain, key = (directory / "fullchain.pem").read_bytes(), (directory / "privkey.pem").read_bytes()
            leaf = examine.chain_of(chain)[0]
        except (OSError, ValueError):
            continue
        begin, end = examine.lifetime(leaf)
        if begin <= time.time() < end and not examine.uncovered(wanted.domains, examine.names_of(leaf)):
            return _described(place(wanted.name, chain, key), chain, "")
    return {}


def place(name: str, chain: bytes, key: bytes) -> Path:
    """Write a certificate and its key into a directory of their own."""
    fingerprint = hashlib.sha256(chain).hexdigest()[:16]
    directory = CERTIFICATES / name / fingerprint
    partial = directory.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    CERTIFICATES.mkdir(mode=0o755, parents=True, exist_ok=True)
    directory.parent.mkdir(mode=0o700, exist_ok=True)
    partial.mkdir(mode=0o700)
    for file, content, mode in (("fullchain.pem", chain, 0o644), ("privkey.pem", key, 0o600)):
        path = partial / file
        path.touch(mode=mode)
        with path.open("wb") as stream:
            stream.write(content)
            os.fsync(stream.fileno())
    shutil.rmtree(directory, ignore_errors=True)
    partial.rename(directory)
    return directory


def _described(directory: Path, chain: bytes, issuer: str) -> dict[str, Any]:
    leaf = examine.chain_of(chain)[0]
    begin, end = examine.lifetime(leaf)
    return {
        "path": str(directory), "domains": sorted(examine.names_of(leaf)), "not_before": begin, "not_after": end,
        "directory": issuer,
    }  # fmt: skip


def _replace(path: Path, text: str) -> None:
    if path.exists() and path.read_text() == text:
        return
    partial = path.with_name(f".{path.name}")
    partial.write_text(text)
    partial.chmod(0o644)
    partial.replace(path)


def write_snippets(settings: Settings, state: State) -> None:
    """Write what nginx includes: of each site its certificate, and the names that none is there for."""
    SNIPPETS.mkdir(mode=0o755, parents=True, exist_ok=True)
    header = "# Written by acme-certificates.\n"
    pending: list[str] = []
    for wanted in settings.certificates:
        known = state.of(wanted.name) or {}
        if known.get("path"):
            path = known["path"]
            text = f"ssl_certificate {path}/fullchain.pem;\nssl_certificate_key {path}/privkey.pem;\n"
            pending += examine.uncovered(wanted.domains, set(known["domains"]))
        else:
            text = "ssl_reject_handshake on;\n"
            pending += wanted.domains
        _replace(SNIPPETS / f"{wanted.name}.conf", header + text)
    listen = "".join(f"    listen {address};\n" for address in settings.listen)
    servers = f"server {{\n{listen}    server_name {' '.join(pending)};\n    ssl_reject_handshake on;\n}}\n"
    _replace(SNIPPETS / "pending.conf", header + (servers if pending else ""))
    _replace(SNIPPETS / "pending.map", header + "".join(f"{name} 1;\n" for name in pending))


def _nginx_refuses() -> str:
    """What nginx says of its configuration; empty when it takes it."""
    done = subprocess.run(["nginx", "-t", "-q"], capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stderr.strip()[-400:] or "nginx -t failed"


def switch(settings: Settings, state: State, wanted: Wanted, chain: bytes, key: bytes) -> dict[str, Any] | None:
    """Have nginx serve a new certificate; why it goes on with the old one, when it refuses."""
    before = state.of(wanted.name) or {}
    state.owe_reload(True)
    state.put(wanted.name, _described(place(wanted.name, chain, key), chain, settings.directory))
    write_snippets(settings, state)
    if said := _nginx_refuses():
        state.put(wanted.name, before)
        write_snippets(settings, state)
        return {
            "kind": "nginx",
            "message": f"nginx refuses its configuration, so nothing was loaded: {said}",
            "at": time.time(),
        }
    reload_if_owed(state)
    if not _serves(settings, wanted, chain):
        message = "nginx was told to load the new certificate and still serves another one: journalctl -u nginx"
        return {"kind": "nginx", "message": message, "at": time.time()}
    _prune(wanted.name, {before.get("path"), (state.of(wanted.name) or {}).get("path")})
    return None


def reload_if_owed(state: State) -> bool:
    """Have nginx load what a run has placed, this one or one that was cut; whether there was anything."""
    if not state.data.get("reload_owed"):
        return False
    if _nginx_refuses():
        return False
    subprocess.run(["systemctl", "reload", "nginx.service"], check=True)
    state.owe_reload(False)
    return True


def _serves(settings: Settings, wanted: Wanted, chain: bytes) -> bool:
    """Whether nginx shows this certificate: asked on this host, by name."""
    expected = ssl.PEM_cert_to_DER_cert(chain.decode().partition("-----END")[0] + "-----END CERTIFICATE-----\n")
    context = ssl.create_default_context()
    context.check_hostname = False
    # Compared byte by byte below.
    context.verify_mode = ssl.CERT_NONE
    name = next((one for one in wanted.domains if "*" not in one), wanted.domains[0].replace("*", "www", 1))
    deadline = time.monotonic() + SERVED_SECONDS
    while time.monotonic() < deadline:
        try:
            with (
                socket.create_connection(("127.0.0.1", settings.port), 3) as plain,
                context.wrap_socket(plain, server_hostname=name) as shown,
            ):
                if shown.getpeercert(binary_form=True) == expected:
                    return True
        except OSError:
            pass
        time.sleep(0.2)
    return False


def _prune(name: str, keep: set[str | None]) -> None:
    """Remove earlier certificates; the one before this one stays."""
    for directory in (CERTIFICATES / name).iterdir():
        if str(directory) not in keep:
            shutil.rmtree(directory, ignore_errors=True)


def remove_unwanted(settings: Settings, state: State) -> bool:
    """Remove what is left of sites that are no longer listed: certificate, key and what certbot knows of it."""
    wanted = {one.name for one in settings.certificates}
    gone = [name for name in state.data["certificates"] if name not in wanted]
    for name in gone:
        (SNIPPETS / f"{name}.conf").unlink(missing_ok=True)
        shutil.rmtree(CERTIFICATES / name, ignore_errors=True)
        if (client.ROOT / "renewal" / f"{name}.conf").exists():
            subprocess.run(
                ["certbot", "delete", "--non-interactive", "--cert-name", name], capture_output=True, check=False
            )
        state.drop(name)
    return bool(gone)
