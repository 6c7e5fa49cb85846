# SPDX-License-Identifier: MIT
"""Filters over the mapping ``applications``: one entry becomes what each role needs to know about it.

What an entry may say stands in ``docs/applications.md``; the steps are the modules of ``plugin_utils/applications``.
"""

from __future__ import annotations

from typing import Any

from ansible_collections.django_ec2.site.plugins.plugin_utils.applications import (
    endpoints,
    environment,
    mail,
    pooling,
    removal,
    resolve,
    rotation,
    secrets,
    storage,
    views,
)


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Any]:
        """The filters by the names that playbooks and roles use."""
        return {
            "resolve_applications": resolve.resolve_applications,
            "application_secrets_problems": secrets.application_secrets_problems,
            "secrets_file_problems": secrets.secrets_file_problems,
            "database_endpoints": endpoints.database_endpoints,
            "database_authority": endpoints.database_authority,
            "pooler_databases": endpoints.pooler_databases,
            "pooling_problems": pooling.pooling_problems,
            "application_environment": environment.application_environment,
            "application_fingerprint": environment.application_fingerprint,
            "select_application": views.select_application,
            "nginx_sites": views.nginx_sites,
            "database_secrets_names": views.database_secrets_names,
            "postgres_databases": views.postgres_databases,
            "account_problems": storage.account_problems,
            "storage_problems": storage.storage_problems,
            "storage_warnings": storage.storage_warnings,
            "application_record": removal.record,
            "application_removal": removal.removal,
            "application_removal_problem": removal.removal_problem,
            "application_removal_summary": removal.summary,
            "mail_question": mail.mail_question,
            "rotating_logins": rotation.rotating_logins,
            "rotation_problems": rotation.rotation_problems,
            "rotation_turned": rotation.turned,
            "logins_elsewhere": rotation.logins_elsewhere,
            "rotation_applications": rotation.with_secret,
            "rotation_administrators": rotation.administrators,
            "rotation_after": rotation.after_step,
            "rotation_probes": rotation.with_probes,
            "rotation_key_problems": rotation.secret_key_problems,
            "rotation_elsewhere": rotation.digests_elsewhere,
        }
