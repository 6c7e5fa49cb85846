# SPDX-License-Identifier: MIT
"""Asks the authority, through certbot, and says in an operator's words why it was refused."""

from __future__ import annotations

import datetime
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from settings import DIRECTORY, Settings, Wanted

ROOT = Path("/etc/letsencrypt")
WEBROOT = Path("/var/lib/acme-certificates/webroot")
HOOK = DIRECTORY / "dns-hook"
LOG = Path("/var/log/letsencrypt/letsencrypt.log")
SECONDS = 900
# When the authority names no moment, it is not asked again for so long.
PATIENCE = 6 * 3600
RETRY = re.compile(r"retry after (\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d)", re.IGNORECASE)
DETAIL = re.compile(r"^\s*(Domain|Identifier|Type|Detail):\s*(.+)$", re.MULTILINE)
# The authority has forgotten the account, or ended it. certbot prints what a type of error means, and not its name.
LOST = re.compile(
    r"accountDoesNotExist|account that does not exist|account \S+ not found|account is not valid, has status"
    r"|account (is|has been) deactivated",
    re.IGNORECASE,
)
UNREACHABLE = re.compile(
    r"Connection ?(refused|reset|Error)|Max retries exceeded|Name or service not known|Temporary failure in name|timed out"
    r"|Read timed out|SSLError|The service is down|Service (busy|unavailable)|Network is unreachable|serverInternal"
    r"|50[234] (Server Error|Bad|Service)",
    re.IGNORECASE,
)


def words(settings: Settings, wanted: Wanted) -> list[str]:
    """The command that asks for a certificate."""
    command = ["certbot", "certonly", "--non-interactive", "--agree-tos", "--server", settings.directory]
    command += (
        ["--email", settings.email, "--no-eff-email"] if settings.email else ["--register-unsafely-without-email"]
    )
    # Whether it is time is decided here, from the certificate.
    command += ["--cert-name", wanted.name, "--force-renewal", "--key-type", "ecdsa", "--elliptic-curve", "secp256r1"]
    if wanted.challenge == "http":
        command += ["--webroot", "--webroot-path", str(WEBROOT)]
    elif settings.dns == "route53":
        command += ["--dns-route53", "--preferred-challenges", "dns"]
    else:
        command += ["--manual", "--preferred-challenges", "dns"]
        command += ["--manual-auth-hook", f"{HOOK} add", "--manual-cleanup-hook", f"{HOOK} remove"]
    for domain in wanted.domains:
        command += ["--domain", domain]
    return command


def obtain(settings: Settings, wanted: Wanted, now: float) -> tuple[bytes, bytes] | dict[str, Any]:
    """A new certificate: chain and key as PEM; or why there is none."""
    WEBROOT.mkdir(parents=True, exist_ok=True)
    answer = _ask(settings, wanted, now)
    if (
        isinstance(answer, dict)
        and answer["kind"] == "account"
        and (kept := set_account_aside(settings.directory, now))
    ):
        print(
            f"{wanted.name}: {answer['message']} Another one is registered; the earlier is in {kept}.", file=sys.stderr
        )
        answer = _ask(settings, wanted, now)
    return answer


def accounts(directory: str) -> Path:
    """Where certbot keeps the account of an authority, and its key."""
    url = urlsplit(directory)
    return ROOT / "accounts" / f"{url.netloc}{url.path}".rstrip("/")


def set_account_aside(directory: str, now: float) -> Path | None:
    """Have certbot register anew when it asks next; returns where the earlier account is kept, None where there was none."""
    place = accounts(directory)
    if not place.is_dir():
        return None
    kept = ROOT / f"accounts-lost-{int(now)}"
    if kept.exists():
        return None
    place.rename(kept)
    return kept


def end_account(settings: Settings, now: float) -> str:
    """Have the authority end the account, and set it aside; returns why that failed, empty when it did not.

    Its certificates stay good. The next request registers another account, with a new key.
    """
    environment = dict(os.environ)
    if settings.directory_ca:
        environment["REQUESTS_CA_BUNDLE"] = settings.directory_ca
    done = subprocess.run(
        ["certbot", "unregister", "--non-interactive", "--server", settings.directory],
        env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS, check=False,
    )  # fmt: skip
    said = done.stdout + "\n" + done.stderr
    if done.returncode != 0 and not LOST.search(said) and accounts(settings.directory).is_dir():
        return f"the account at {settings.directory} could not be ended: {_line(said, 'rror', 'ailed')}. {_log()}"
    set_account_aside(settings.directory, now)
    return ""


def _ask(settings: Settings, wanted: Wanted, now: float) -> tuple[bytes, bytes] | dict[str, Any]:
    environment = {**os.environ, **settings.environment, "ACME_DNS_SECONDS": str(settings.propagation)}
    if settings.directory_ca:
        environment["REQUESTS_CA_BUNDLE"] = settings.directory_ca
    try:
        done = subprocess.run(
            words(settings, wanted), env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=SECONDS, check=False,
        )  # fmt: skip
    except FileNotFoundError:
        return {"kind": "other", "message": "certbot is not installed: run site.yml for this host.", "at": now}
    except subprocess.TimeoutExpired:
        message = f"the authority did not answer within {SECONDS} seconds."
        return {"kind": "unreachable", "message": message, "at": now}
    if done.returncode != 0:
        said = f"{done.stdout}\n{done.stderr}"
        # Debian 12's certbot stumbles over the authority's answer, and has it in its log alone.
        return failure(
            f"{said}\n{_answer()}" if "can't set attribute" in said else said, wanted, settings.directory, now
        )
    live = ROOT / "live" / wanted.name
    return (live / "fullchain.pem").read_bytes(), (live / "privkey.pem").read_bytes()


def failure(said: str, wanted: Wanted, directory: str, now: float) -> dict[str, Any]:
    """What certbot's words mean.

    Returns:
        ``kind`` (rate_limit, validation, account, unreachable, other), ``message`` with the remedy, ``at``, and with a rate limit
        ``retry_after``, before which the authority is not asked again.
    """
    if "rateLimited" in said or "too many" in said:
        until = now + PATIENCE
        if found := RETRY.search(said):
            moment = datetime.datetime.fromisoformat(found[1].replace("T", " ")).replace(tzinfo=datetime.UTC)
            until = moment.timestamp()
        at = datetime.datetime.fromtimestamp(until, datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
        return {
            "kind": "rate_limit", "at": now, "retry_after": until,
            "message": f"the authority has had too many requests ({_line(said, 'rateLimited', 'too many')}). "
            f"It is asked again after {at}; runs before that ask nothing.",
        }  # fmt: skip
    details = [(match[1], match[2].strip()) for match in DETAIL.finditer(said)]
    if details:
        names = [value for key, value in details if key in ("Domain", "Identifier")]
        why = "; ".join(dict.fromkeys(value for key, value in details if key == "Detail"))
        remedy = (
            "Its DNS records (A, AAAA) have to lead to this host, and port 80 has to be open to everybody."
            if wanted.challenge == "http"
            else "The hook or the plug-in has to be able to write TXT records _acme-challenge of the zone."
        )
        message = f"the authority did not accept {', '.join(dict.fromkeys(names))}: {why[:600]} {remedy}"
        return {"kind": "validation", "message": message, "at": now}
    if LOST.search(said):
        why = _line(
            said, "account that does not exist", "ccountDoesNotExist", "not found", "ccount is not valid", "deactivated"
        )
        return {"kind": "account", "message": f"the authority knows this host's account no more ({why}).", "at": now}
    if UNREACHABLE.search(said):
        return {
            "kind": "unreachable", "at": now,
            "message": f"the authority at {directory} can't be reached ({_line(said, 'rror')}). The timer asks again.",
        }  # fmt: skip
    return {"kind": "other", "message": f"certbot failed: {_line(said, 'rror', 'ailed')}. {_log()}", "at": now}


def _answer() -> str:
    """The last refusal of the authority in certbot's log, which begins anew with each of its runs."""
    try:
        lines = LOG.read_text(errors="replace").splitlines()
    except OSError:
        return ""
    return next((line for line in reversed(lines) if line.startswith("acme.messages.Error:")), "")


def _line(said: str, *marks: str) -> str:
    """The first line with one of the marks, else the last one. certbot says in one line that it failed, and why in the next."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    lines = [
        line for line in lines if not line.endswith("occurred:") and "debug log" not in line and "community" not in line
    ]
    chosen = next((line for mark in marks for line in lines if mark in line), lines[-1] if lines else "no word")
    return chosen[:400].rstrip(".")


def _log() -> str:
    return f"More is in {LOG}."
