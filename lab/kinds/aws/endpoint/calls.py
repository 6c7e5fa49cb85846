# SPDX-License-Identifier: MIT
"""What a request to AWS is: which service, which action, and whether it changes anything."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs

# An action that begins with one of these changes nothing. AssumeRole hands out credentials, and changes nothing either.
READING = (
    "AssumeRole",
    "BatchGet",
    "Check",
    "Describe",
    "Get",
    "Head",
    "List",
    "Lookup",
    "Search",
    "Select",
    "Simulate",
    "Test",
)
# The name in the signature, where botocore's description of the service has another one.
MODELS = {"elasticfilesystem": "efs"}
COPY = {"PutObject": "CopyObject", "UploadPart": "UploadPartCopy"}


@dataclass(frozen=True)
class Call:
    """One request.

    Attributes:
        service: the name in its signature, as policies of IAM write it: ``ec2``, ``elasticloadbalancing``; "" where nobody signed.
        action: the operation, as in ``RunInstances``; the HTTP method where it isn't known.
        writes: whether it changes something.
        key: the access key of its signature, or "".
        token: the client's own name of the request, or "": AWS makes nothing a second time for the same one.
        instances: of EC2, that it is about.
    """

    service: str
    action: str
    writes: bool
    key: str = ""
    token: str = ""
    instances: tuple[str, ...] = ()


def identify(method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> Call:
    """Name a request.

    Args:
        method: of HTTP.
        path: without the query.
        query: what stands behind the question mark.
        headers: with names in small letters.
        body: all of it.
    """
    asked = parse_qs(query, keep_blank_values=True)
    key, service = _signature(headers.get("authorization", ""), asked)
    form = {}
    if headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        form = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)
    if action := (form.get("Action") or asked.get("Action") or [""])[0]:
        dry = (form.get("DryRun") or ["false"])[0].lower() == "true"
        instances = tuple(values[0] for name, values in form.items() if name.startswith("InstanceId."))
        token = (form.get("ClientToken") or [""])[0]
        return Call(service, action, not dry and not action.startswith(READING), key, token, instances)
    target = headers.get("x-amz-target", "").rpartition(".")[2]
    smithy = re.search(r"/operation/(\w+)$", path)
    action = target or (smithy.group(1) if smithy else "")
    if not action:
        action = _by_path(MODELS.get(service, service or "s3"), method, path, set(asked))
        action = COPY.get(action, action) if "x-amz-copy-source" in headers else action
    if not action:
        return Call(service, method, method not in ("GET", "HEAD", "OPTIONS"), key)
    return Call(service, action, not action.startswith(READING), key)


def _signature(header: str, asked: Mapping[str, list[str]]) -> tuple[str, str]:
    """The access key and the service of a signature (version 4), in the header or in the query."""
    found = re.search(r"Credential=([^,\s]+)", header)
    scope = (found.group(1) if found else (asked.get("X-Amz-Credential") or [""])[0]).split("/")
    return (scope[0], scope[3]) if len(scope) == 5 else ("", "")


@functools.cache
def _operations(model: str) -> tuple[tuple[str, str, re.Pattern[str], frozenset[str]], ...]:
    """Name, method, path and parameters in the query of each operation of a service that is told apart by them."""
    import botocore.exceptions  # noqa: PLC0415 - takes a second, and only the endpoint needs it
    import botocore.loaders  # noqa: PLC0415

    try:
        described = botocore.loaders.Loader().load_service_model(model, "service-2")
    except botocore.exceptions.UnknownServiceError:
        return ()
    operations = []
    for name, operation in described["operations"].items():
        if operation.get("deprecated"):
            continue
        uri, _, query = operation["http"]["requestUri"].partition("?")
        pattern = re.escape(uri.rstrip("/")).replace(r"\{", "{").replace(r"\}", "}").replace(r"\+}", "+}")
        pattern = re.sub(r"\{\w+\+\}", "(.+)", pattern)
        pattern = re.sub(r"\{\w+\}", "([^/]+)", pattern)
        needed = frozenset(part.partition("=")[0] for part in query.split("&") if part)
        operations.append((name, operation["http"]["method"], re.compile(pattern + "/?"), needed))
    return tuple(operations)


def _by_path(model: str, method: str, path: str, asked: set[str]) -> str:
    """The operation with this method and path; of several, the one that more of the query belongs to."""
    fitting = [
        (len(needed), name)
        for name, verb, pattern, needed in _operations(model)
        if verb == method and pattern.fullmatch(path) and needed <= asked
    ]
    # Of equals, the shorter name: ListBuckets before ListDirectoryBuckets.
    return min(fitting, key=lambda one: (-one[0], len(one[1])))[1] if fitting else ""
