# SPDX-License-Identifier: MIT
"""The kinds of objects, in the order in which AWX can take them: each needs those before it.

Options have the names of the modules of awx.awx. What a module calls an option, the API nearly always calls so, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

# The last line of the description of what we made, and the label where AWX has labels. Only what carries it is ever removed.
MARK = "Managed by awx/objects of django-ec2."
LABEL = "django-ec2"

# What a node or a schedule can start.
STARTED = ("job_templates", "workflows", "projects", "inventory_sources")

PROMPTS = (
    "ask_credential_on_launch", "ask_diff_mode_on_launch", "ask_execution_environment_on_launch", "ask_forks_on_launch",
    "ask_inventory_on_launch", "ask_job_slice_count_on_launch", "ask_job_type_on_launch", "ask_labels_on_launch",
    "ask_limit_on_launch", "ask_scm_branch_on_launch", "ask_skip_tags_on_launch", "ask_tags_on_launch", "ask_timeout_on_launch",
    "ask_variables_on_launch", "ask_verbosity_on_launch",
)  # fmt: skip
NOTIFICATIONS = {
    "notification_templates_started": "notification_templates",
    "notification_templates_success": "notification_templates",
    "notification_templates_error": "notification_templates",
}


@dataclass(frozen=True)
class Kind:
    """What is known of one kind.

    Attributes:
        name: the key under which its objects are.
        words: what people call one of them.
        module: of awx.awx.
        endpoint: of the API.
        within: the query that lists those of our organization; ``{organization}`` stands for its number.
        plain: options that the API keeps as they are given.
        json: options that the API keeps as text, in JSON or YAML.
        references: options that name an object, with its kind.
        associations: options that list objects, with their kind.
        mark: how one of ours is known: ``label``, ``description``, or not at all.
        identity: options that tell one from another.
        once: options that are given when it is made, and left alone afterwards.
        pruned: whether one that the repository no longer has is removed; otherwise it is reported.
        scoped: whether the module takes an organization.
    """

    name: str
    words: str
    module: str
    endpoint: str
    within: Mapping[str, str] = field(default_factory=dict)
    plain: tuple[str, ...] = ()
    json: tuple[str, ...] = ()
    references: Mapping[str, str] = field(default_factory=dict)
    associations: Mapping[str, str] = field(default_factory=dict)
    mark: str = ""
    identity: tuple[str, ...] = ("name",)
    once: tuple[str, ...] = ()
    pruned: bool = False
    scoped: bool = True

    @property
    def options(self) -> set[str]:
        """Every option that an object of this kind may have."""
        return {*self.identity, *self.plain, *self.json, *self.references, *self.associations, *self.once}

    @property
    def needs(self) -> set[str]:
        """The kinds whose objects one of this kind can name."""
        if self.name == "grants":
            return {"organizations", "teams", "job_templates", "workflows"}
        started = STARTED if "unified_job_template" in self.references else ()
        return {*self.references.values(), *self.associations.values(), *started}


OURS = {"organization": "{organization}"}

KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(
            "organizations", "organization", "organization", "organizations",
            within={"id": "{organization}"}, plain=("description", "max_hosts"), scoped=False,
        ),
        Kind(
            "execution_environments", "execution environment", "execution_environment", "execution_environments",
            within=OURS, plain=("description", "image", "pull"), references={"credential": "credentials"},
            mark="description", pruned=True,
        ),
        Kind("labels", "label", "label", "labels", within=OURS),
        Kind(
            "credential_types", "credential type", "credential_type", "credential_types",
            within={"managed": "false"}, plain=("description", "kind", "inputs", "injectors"), mark="description", scoped=False,
        ),
        Kind(
            "credentials", "credential", "credential", "credentials",
            within=OURS, plain=("description",), references={"credential_type": "credential_types"},
            mark="description", identity=("name", "credential_type"), once=("inputs",),
        ),
        Kind(
            "projects", "project", "project", "projects", within=OURS,
            plain=(
                "description", "scm_type", "scm_url", "scm_branch", "scm_refspec", "scm_clean", "scm_delete_on_update",
                "scm_track_submodules", "scm_update_on_launch", "scm_update_cache_timeout", "allow_override", "timeout",
            ),
            references={"default_environment": "execution_environments", "credential": "credentials"},
            mark="description", pruned=True,
        ),
        Kind(
            "inventories", "inventory", "inventory", "inventories",
            within=OURS, plain=("description",), json=("variables",), mark="description", pruned=True,
        ),
        Kind(
            "inventory_sources", "inventory source", "inventory_source", "inventory_sources",
            within={"inventory__organization": "{organization}"},
            plain=(
                "description", "source", "source_path", "overwrite", "overwrite_vars", "timeout", "verbosity", "update_on_launch",
                "update_cache_timeout", "host_filter", "enabled_var", "enabled_value", "limit",
            ),
            json=("source_vars",),
            references={
                "inventory": "inventories", "source_project": "projects", "credential": "credentials",
                "execution_environment": "execution_environments",
            },
            mark="description", identity=("inventory", "name"), pruned=True,
        ),
        Kind(
            "notification_templates", "notification template", "notification_template", "notification_templates",
            within=OURS, plain=("description", "notification_type", "notification_configuration", "messages"),
            mark="description", pruned=True,
        ),
        Kind(
            "organization_notifications", "notifications of the organization", "organization", "organizations",
            within={"id": "{organization}"},
            associations={**NOTIFICATIONS, "notification_templates_approvals": "notification_templates"}, scoped=False,
        ),
        Kind(
            "job_templates", "job template", "job_template", "job_templates", within=OURS,
            plain=(
                "description", "job_type", "playbook", "forks", "limit", "verbosity", "job_tags", "skip_tags", "start_at_task",
                "timeout", "force_handlers", "use_fact_cache", "become_enabled", "diff_mode", "allow_simultaneous", "job_slice_count",
                "survey_enabled", "survey_spec", "scm_branch", *PROMPTS,
            ),
            json=("extra_vars",),
            references={
                "project": "projects", "inventory": "inventories", "execution_environment": "execution_environments",
            },
            associations={"credentials": "credentials", "labels": "labels", **NOTIFICATIONS},
            mark="label", pruned=True,
        ),
        Kind(
            "workflows", "workflow", "workflow_job_template", "workflow_job_templates", within=OURS,
            plain=(
                "description", "allow_simultaneous", "limit", "survey_enabled", "survey_spec", "ask_inventory_on_launch",
                "ask_labels_on_launch", "ask_limit_on_launch", "ask_variables_on_launch",
            ),
            references={"inventory": "inventories"},
            associations={"labels": "labels", **NOTIFICATIONS, "notification_templates_approvals": "notification_templates"},
            mark="label", pruned=True,
        ),
        Kind(
            "workflow_nodes", "node", "workflow_job_template_node", "workflow_job_template_nodes",
            within={"workflow_job_template__organization": "{organization}"},
            plain=("all_parents_must_converge", "limit", "extra_data", "approval_node"),
            references={"workflow_job_template": "workflows", "unified_job_template": "job_templates"},
            identity=("workflow_job_template", "identifier"), mark="label", pruned=True,
        ),
        # In a task of its own: a node's neighbours have to be there, and the module fails on an approval that names any.
        Kind(
            "workflow_links", "links of the node", "workflow_job_template_node", "workflow_job_template_nodes",
            within={"workflow_job_template__organization": "{organization}"},
            references={"workflow_job_template": "workflows"},
            associations={
                "success_nodes": "workflow_nodes", "failure_nodes": "workflow_nodes", "always_nodes": "workflow_nodes",
                "labels": "labels",
            },
            identity=("workflow_job_template", "identifier"),
        ),
        Kind(
            "schedules", "schedule", "schedule", "schedules",
            within={"unified_job_template__organization": "{organization}"},
            plain=("description", "rrule", "enabled", "extra_data", "limit"),
            references={"unified_job_template": "job_templates"}, associations={"labels": "labels"},
            identity=("unified_job_template", "name"), mark="label", pruned=True,
        ),
        Kind("teams", "team", "team", "teams", within=OURS, plain=("description",), mark="description", pruned=True),
        # What a team may do with an object. It carries no mark of its own: the team does.
        Kind(
            "grants", "role", "role_team_assignment", "role_team_assignments",
            references={"team": "teams"}, identity=("team", "role", "on", "object"), scoped=False, pruned=True,
        ),
    )
}  # fmt: skip
