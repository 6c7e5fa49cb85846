# SPDX-License-Identifier: MIT
"""Tokens by which a database user logs in to Amazon RDS: signed with the application's AWS credentials, good for 15 minutes."""

import os
import re
import threading
from urllib.parse import urlencode

from botocore.model import ServiceId
from botocore.session import Session
from botocore.signers import RequestSigner
from django.core.exceptions import ImproperlyConfigured

SECONDS = 900
REGION = re.compile(r"\.([a-z]{2}(?:-[a-z]+)+-\d)\.rds\.amazonaws\.com(?:\.cn)?$")

_lock = threading.Lock()
_session = None


def region_of(host):
    """The region that a token for a host is signed for: that of its name, or of the environment."""
    found = REGION.search(host)
    region = found[1] if found else os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if not region:
        raise ImproperlyConfigured(
            f"rds_iam_backend: '{host}' has no region in its name. HOST has to be the endpoint as RDS shows it; "
            "for another name set AWS_REGION."
        )
    return region


def _signer_of(region):
    """A signer with the application's credentials, which renew themselves where they come from an instance's role."""
    global _session  # noqa: PLW0603 - one a process: it remembers the role's credentials
    with _lock:
        if _session is None:
            _session = Session()
        credentials = _session.get_credentials()
    if credentials is None:
        raise ImproperlyConfigured(
            "rds_iam_backend: there are no AWS credentials to sign a token with. Give the instance a role that "
            "allows rds-db:connect, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
        )
    return RequestSigner(ServiceId("rds"), region, "rds-db", "v4", credentials, _session.get_component("event_emitter"))


def make(host, port, user):
    """A token for one login, made without asking anybody.

    The same as ``boto3.client("rds").generate_db_auth_token``, without the seconds and megabytes of such a client.
    """
    region = region_of(host)
    request = {
        "method": "GET",
        "url": f"https://{host}:{port}/?{urlencode({'Action': 'connect', 'DBUser': user})}",
        "headers": {},
        "body": b"",
        "context": {},
    }
    url = _signer_of(region).generate_presigned_url(
        request, operation_name="connect", region_name=region, expires_in=SECONDS, signing_name="rds-db"
    )
    return url.removeprefix("https://")
