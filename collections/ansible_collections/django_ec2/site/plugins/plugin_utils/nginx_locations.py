# SPDX-License-Identifier: MIT
"""Paths that nginx passes to an application in another way than the rest, and how often one address may ask for them.

What is said of a path holds for all below it that end with a slash, until a longer path says something else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

# What ends a word in nginx's configuration, or is expanded in it, has no place in a path.
PATH = re.compile(r"/[^\s;{}\"'$\\]*")
RATE = re.compile(r"[1-9]\d{0,5}/[sm]")
SIZE = re.compile(r"\d+[kKmMgG]?")
METHOD = re.compile(r"[A-Z]{3,10}")
NO_RATE = "none"
BURST = 20
PASSED = {"buffering": True, "max_body_size": ""}
KEYS = {*PASSED, "rate", "burst", "methods"}


def covers(path: str, other: str) -> bool:
    """Whether what is said of a path holds for another one."""
    return path == other or (path.endswith("/") and other.startswith(path))


def locations(site: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The paths that nginx passes on in another way, the longest first: ``path``, ``buffering`` and ``max_body_size``."""
    given, found = site["locations"], []
    for path in sorted(given, key=len, reverse=True):
        if not PASSED.keys() & given[path].keys():
            continue
        merged = dict(PASSED)
        for shorter in sorted((one for one in given if covers(one, path)), key=len):
            merged |= {key: value for key, value in given[shorter].items() if key in PASSED and value != ""}
        found.append({"path": path, **merged, "max_body_size": str(merged["max_body_size"])})
    return found


def limits(site: Mapping[str, Any], login: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The limits of a site: a zone of nginx for each rate and burst, which counts each of its paths by itself.

    Args:
        site: one of ``nginx_sites``, complete.
        login: ``rate`` and ``burst`` of the POST requests to its ``login_paths``; an empty rate is none.

    Returns:
        For each zone ``name``, ``rate`` and ``burst`` as nginx wants them, and ``counted``: patterns of method and path, in the order in
        which nginx tries them, with what the address is counted under; empty for what another zone counts, or none.
    """
    paths = [
        {"path": path, "burst": BURST, "methods": [], **options}
        for path, options in site["locations"].items()
        if options.get("rate")
    ]
    told = {one["path"] for one in paths}
    if login.get("rate"):
        paths += [
            {"path": path, "methods": ["POST"], **login}
            for path in dict.fromkeys(site["login_paths"])
            if path not in told
        ]
    paths.sort(key=lambda one: (-len(one["path"]), one["path"]))
    rates = sorted({(one["rate"], int(one["burst"])) for one in paths if one["rate"] != NO_RATE})
    return [
        {
            "name": f"{site['identifier']}_{number}",
            "rate": rate.replace("/", "r/"),
            "burst": burst,
            "counted": _files(site, paths)
            + [
                {
                    "pattern": _pattern(one),
                    "key": str(index) if (one["rate"], int(one["burst"])) == (rate, burst) else "",
                }
                for index, one in enumerate(paths)
            ],
        }
        for number, (rate, burst) in enumerate(rates)
    ]


def _files(site: Mapping[str, Any], paths: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Files that nginx sends itself do not count."""
    served = [site[url] for url, root in (("static_url", "static_root"), ("media_url", "media_root")) if site[root]]
    return [
        {"pattern": f"^[A-Z]+:{re.escape(url)}", "key": ""}
        for url in served
        if any(covers(one["path"], url) for one in paths)
    ]


def _pattern(one: Mapping[str, Any]) -> str:
    methods = f"({'|'.join(one['methods'])})" if one["methods"] else "[A-Z]+"
    return f"^{methods}:{re.escape(one['path'])}{'' if one['path'].endswith('/') else '$'}"


def problems(site: Mapping[str, Any]) -> list[str]:
    """What of a site's ``locations`` and ``login_paths`` could not work."""
    found = []
    served = {
        url: site[url] for url, root in (("static_url", "static_root"), ("media_url", "media_root")) if site[root]
    }
    for path, options in site["locations"].items():
        if not PATH.fullmatch(path):
            found.append(f"locations: {path!r} must be a path such as /events/")
        found += [
            f"locations: {path} lies below {key}, whose files nginx sends itself; leave it out"
            for key, url in sorted(served.items())
            if path.startswith(url)
        ]
        found += [f"locations, {path}: there is no option {key!r}" for key in sorted(options.keys() - KEYS)]
        if (size := options.get("max_body_size")) not in (None, "") and not SIZE.fullmatch(str(size)):
            found.append(f"locations, {path}: max_body_size {size!r} must be a size such as 200m, or 0 for no limit")
        rate = options.get("rate") or NO_RATE
        if rate != NO_RATE and not RATE.fullmatch(str(rate)):
            found.append(f"locations, {path}: rate {rate!r} must be such as 10/s or 30/m, or none")
        if not re.fullmatch(r"\d{1,6}", str(options.get("burst", BURST))):
            found.append(f"locations, {path}: burst {options['burst']!r} must be a number of requests")
        found += [
            f"locations, {path}: {method!r} is no method such as POST"
            for method in options.get("methods") or []
            if not METHOD.fullmatch(str(method))
        ]
    found += [
        f"login_paths: {path!r} must be a path such as /login/"
        for path in site["login_paths"]
        if not PATH.fullmatch(path)
    ]
    return found
