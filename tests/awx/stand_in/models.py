"""The objects that the stand-in knows: their fields with AWX's defaults, what they name, and what is unique."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Model:
    """One endpoint of the API."""

    type: str
    fields: Mapping[str, Any]
    # Fields that hold the number of another object, with its endpoint.
    refs: Mapping[str, str] = field(default_factory=dict)
    associations: Mapping[str, str] = field(default_factory=dict)
    unique: tuple[str, ...] = ("organization", "name")
    required: tuple[str, ...] = ("name",)
    # What a change can't touch: sent or not, it stays as it was made.
    fixed: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    texts: tuple[str, ...] = ("description", "rrule")


ASK = (
    "credential", "diff_mode", "execution_environment", "forks", "instance_groups", "inventory", "job_slice_count", "job_type",
    "labels", "limit", "scm_branch", "skip_tags", "tags", "timeout", "variables", "verbosity",
)  # fmt: skip
ASKS = {f"ask_{name}_on_launch": False for name in ASK}
PROMPTS = {
    "extra_data": {}, "inventory": None, "scm_branch": None, "job_type": None, "job_tags": None, "skip_tags": None, "limit": None,
    "diff_mode": None, "verbosity": None, "execution_environment": None, "forks": None, "job_slice_count": None, "timeout": None,
}  # fmt: skip
NOTIFIED = {f"notification_templates_{when}": "notification_templates" for when in ("started", "success", "error")}
NAMED = {"name": "", "description": ""}
OWNED = {"organization": "organizations"}

MODELS: dict[str, Model] = {
    "organizations": Model(
        "organization", {**NAMED, "max_hosts": 0, "default_environment": None}, {"default_environment": "execution_environments"},
        {**NOTIFIED, "notification_templates_approvals": "notification_templates"}, unique=("name",),
        roles=(
            "admin", "auditor", "execute", "approval", "member", "read", "job_template_admin", "workflow_admin", "project_admin",
            "inventory_admin", "credential_admin", "notification_admin", "execution_environment_admin",
        ),
    ),
    "execution_environments": Model(
        "execution_environment", {**NAMED, "image": "", "pull": "", "organization": None, "credential": None, "managed": False},
        {**OWNED, "credential": "credentials"}, unique=("name",), required=("name", "image"),
    ),
    "labels": Model("label", {"name": "", "organization": None}, OWNED, required=("name", "organization")),
    "credential_types": Model(
        "credential_type", {**NAMED, "kind": "", "inputs": {}, "injectors": {}, "managed": False, "namespace": None},
        unique=("name", "kind"), required=("name", "kind"),
    ),
    "credentials": Model(
        "credential", {**NAMED, "organization": None, "credential_type": None, "inputs": {}, "managed": False},
        {**OWNED, "credential_type": "credential_types"}, unique=("organization", "name", "credential_type"),
        required=("name", "organization", "credential_type"),
    ),
    "projects": Model(
        "project",
        {
            **NAMED, "organization": None, "scm_type": "", "scm_url": "", "scm_branch": "", "scm_refspec": "", "scm_clean": False,
            "scm_delete_on_update": False, "scm_track_submodules": False, "scm_update_on_launch": False, "scm_update_cache_timeout": 0,
            "allow_override": False, "timeout": 0, "credential": None, "default_environment": None,
        },
        {**OWNED, "credential": "credentials", "default_environment": "execution_environments"}, NOTIFIED,
        roles=("admin", "use", "update", "read"),
    ),
    "inventories": Model(
        "inventory", {**NAMED, "organization": None, "variables": "", "kind": "", "host_filter": None}, OWNED,
        required=("name", "organization"), roles=("admin", "use", "update", "adhoc", "read"),
    ),
    "inventory_sources": Model(
        "inventory_source",
        {
            **NAMED, "inventory": None, "source": "", "source_path": "", "source_vars": "", "source_project": None, "credential": None,
            "execution_environment": None, "overwrite": False, "overwrite_vars": False, "update_on_launch": False,
            "update_cache_timeout": 0, "timeout": 0, "verbosity": 1, "limit": "", "host_filter": "", "enabled_var": "",
            "enabled_value": "", "scm_branch": "",
        },
        {
            "inventory": "inventories", "source_project": "projects", "credential": "credentials",
            "execution_environment": "execution_environments",
        },
        NOTIFIED, unique=("inventory", "name"), required=("name", "inventory", "source"), fixed=("inventory",),
    ),
    "notification_templates": Model(
        "notification_template",
        {**NAMED, "organization": None, "notification_type": "", "notification_configuration": {}, "messages": None}, OWNED,
        required=("name", "organization", "notification_type"),
    ),
    "job_templates": Model(
        "job_template",
        {
            **NAMED, **ASKS, "organization": None, "job_type": "run", "inventory": None, "project": None, "playbook": "", "scm_branch": "",
            "forks": 0, "limit": "", "verbosity": 0, "extra_vars": "---", "job_tags": "", "force_handlers": False, "skip_tags": "",
            "start_at_task": "", "timeout": 0, "use_fact_cache": False, "execution_environment": None, "host_config_key": "",
            "survey_enabled": False, "become_enabled": False, "diff_mode": False, "allow_simultaneous": False, "job_slice_count": 1,
            "webhook_service": "", "webhook_credential": None, "prevent_instance_group_fallback": False,
        },
        {**OWNED, "inventory": "inventories", "project": "projects", "execution_environment": "execution_environments"},
        {**NOTIFIED, "credentials": "credentials", "labels": "labels"}, fixed=("organization",), roles=("admin", "execute", "read"),
    ),
    "workflow_job_templates": Model(
        "workflow_job_template",
        {
            **NAMED, **ASKS, "organization": None, "extra_vars": "---", "survey_enabled": False, "allow_simultaneous": False,
            "inventory": None, "limit": None, "scm_branch": None, "job_tags": None, "skip_tags": None,
        },
        {**OWNED, "inventory": "inventories"},
        {**NOTIFIED, "notification_templates_approvals": "notification_templates", "labels": "labels"},
        roles=("admin", "execute", "approval", "read"),
    ),
    "workflow_job_template_nodes": Model(
        "workflow_job_template_node",
        {
            **PROMPTS, "workflow_job_template": None, "unified_job_template": None, "all_parents_must_converge": False,
            "identifier": "",
        },
        {"workflow_job_template": "workflow_job_templates", "unified_job_template": "unified_job_templates"},
        {
            "success_nodes": "workflow_job_template_nodes", "failure_nodes": "workflow_job_template_nodes",
            "always_nodes": "workflow_job_template_nodes", "labels": "labels", "credentials": "credentials",
        },
        unique=("workflow_job_template", "identifier"), required=("workflow_job_template", "identifier"),
        fixed=("workflow_job_template",),
    ),
    "workflow_approval_templates": Model("workflow_approval_template", {**NAMED, "timeout": 0}, unique=()),
    "schedules": Model(
        "schedule", {**NAMED, **PROMPTS, "rrule": "", "enabled": True, "unified_job_template": None},
        {"unified_job_template": "unified_job_templates"}, {"labels": "labels", "credentials": "credentials"},
        unique=("unified_job_template", "name"), required=("name", "rrule", "unified_job_template"),
    ),
    "teams": Model("team", {**NAMED, "organization": None}, OWNED, required=("name", "organization")),
    "role_definitions": Model("role_definition", {**NAMED, "content_type": "", "managed": True}, unique=("name",)),
    "role_team_assignments": Model(
        "role_team_assignment", {"team": None, "role_definition": None, "object_id": None, "content_type": ""},
        {"team": "teams", "role_definition": "role_definitions"}, unique=("team", "role_definition", "object_id"),
        required=("team", "role_definition", "object_id"),
    ),
    "project_updates": Model("project_update", {**NAMED, "project": None, "status": "pending", "scm_revision": ""}, unique=()),
}  # fmt: skip

# What the endpoint unified_job_templates lists.
UNIFIED = ("projects", "inventory_sources", "job_templates", "workflow_job_templates", "workflow_approval_templates")
JOB_TYPES = {
    "project": "project_update", "inventory_source": "inventory_update", "job_template": "job",
    "workflow_job_template": "workflow_job", "workflow_approval_template": "workflow_approval",
}  # fmt: skip

# AWX's own credential types: what they take, and which of it is secret.
MANAGED_TYPES = {
    "Machine": ("ssh", ["username", "password", "ssh_key_data", "ssh_key_unlock", "become_method", "become_username", "become_password"]),
    "Amazon Web Services": ("cloud", ["username", "password", "security_token", "assume_role"]),
    "Vault": ("vault", ["vault_password", "vault_id"]),
    "Source Control": ("scm", ["username", "password", "ssh_key_data", "ssh_key_unlock"]),
    "Container Registry": ("registry", ["host", "username", "password", "verify_ssl"]),
}  # fmt: skip
SECRET = ("password", "ssh_key_data", "ssh_key_unlock", "become_password", "security_token", "vault_password")

# Role definitions that AWX makes, with the endpoint that they are about.
DEFINITIONS = {
    "JobTemplate Execute": "job_templates", "JobTemplate Admin": "job_templates",
    "WorkflowJobTemplate Execute": "workflow_job_templates", "WorkflowJobTemplate Approve": "workflow_job_templates",
    **{
        f"Organization {name}": "organizations"
        for name in (
            "Admin", "Member", "Audit", "Execute", "Approval", "JobTemplate Admin", "WorkflowJobTemplate Admin", "Project Admin",
            "Inventory Admin", "Credential Admin", "NotificationTemplate Admin", "ExecutionEnvironment Admin",
        )
    },
}  # fmt: skip
# AWX gives these to people alone.
NOT_FOR_TEAMS = ("Organization Admin", "Organization Member")
EMAIL = {
    "host": str, "port": int, "username": str, "password": str, "use_tls": bool, "use_ssl": bool, "sender": str, "recipients": list,
    "timeout": int,
}  # fmt: skip
