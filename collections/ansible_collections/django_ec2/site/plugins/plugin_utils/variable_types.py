# SPDX-License-Identifier: MIT
"""Variables of the wrong type, told before any host is asked.

Ansible's own check of arguments makes a list of the string "a,b" and a mapping of "a=b", but the templates of roles see what was
written. So a list has to be a list here, and a mapping a mapping.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

# What group_vars/all sets for all roles together, in the form of an argument spec.
SITE: dict[str, dict[str, Any]] = {
    "accept_untested_distribution": {"type": "bool"},
    "ansible_ssh_common_args": {"type": "str"},
    "application_databases": {"type": "list", "elements": "dict"},
    "applications": {"type": "dict"},
    "aws_balanced": {"type": "bool"},
    "aws_database_class": {"type": "str"},
    "aws_database_multi_az": {"type": "bool"},
    "aws_database_storage_gb": {"type": "int"},
    "aws_endpoint_is_a_test": {"type": "bool"},
    "aws_environment": {"type": "str"},
    "aws_files": {"type": "str", "choices": ["efs", "none"]},
    "aws_fleet_entrance": {"type": "str", "choices": ["elastic_ip", "balancer"]},
    "aws_fleet_hosts": {"type": "dict"},
    "aws_name": {"type": "str"},
    "aws_network_access": {"type": "str", "choices": ["operators", "endpoint", "none"]},
    "aws_network_cidr": {"type": "str"},
    "aws_network_nat": {"type": "str", "choices": ["none", "one", "per_zone"]},
    "aws_network_subnets": {"type": "dict"},
    "aws_preset": {"type": "str", "choices": ["single", "small", "highly_available"]},
    "aws_presets": {"type": "dict"},
    "aws_process_environment": {"type": "dict"},
    "aws_project": {"type": "str"},
    "aws_protected": {"type": "bool"},
    "aws_region": {"type": "str"},
    "aws_rehearsal": {"type": "bool"},
    "aws_sizes": {"type": "dict"},
    "aws_tags": {"type": "dict"},
    "aws_tunnelled": {"type": "bool"},
    "aws_web_autoscaling": {"type": "dict"},
    "aws_web_count": {"type": "int"},
    "database_address": {"type": "str"},
    "database_aside": {"type": "list", "elements": "str"},
    "database_auth": {"type": "str"},
    "database_backup_host": {"type": "str"},
    "database_backup_hours": {"type": "float"},
    "database_backups": {"type": "str"},
    "database_ca_file": {"type": "str"},
    "database_cluster": {"type": "list", "elements": "str"},
    "database_endpoints": {"type": "dict"},
    "database_host": {"type": "str"},
    "database_mode": {"type": "str"},
    "database_move_networks": {"type": "list", "elements": "str"},
    "database_options": {"type": "dict"},
    "database_pooling": {"type": "str", "choices": ["transaction", "session", "none"]},
    "database_port": {"type": "int"},
    "database_primary": {"type": "str"},
    "database_replica_host": {"type": "str"},
    "database_scrub": {"type": "bool"},
    "database_server": {"type": "dict"},
    "database_sslmode": {"type": "str"},
    "database_standbys": {"type": "list", "elements": "dict"},
    "database_token_environment": {"type": "dict"},
    "file_backup_host": {"type": "str"},
    "file_backup_hours": {"type": "float"},
    "file_backups_here": {"type": "bool"},
    "file_backups": {"type": "str", "choices": ["restic", "none"]},
    "network_backups_by_host": {"type": "bool"},
    "network_extra_flows": {"type": "list", "elements": "dict"},
    "network_flows": {"type": "list", "elements": "dict"},
    "network_operators": {"type": "list", "elements": "str"},
    "network_site_flows": {"type": "list", "elements": "dict"},
    "network_ssh_port": {"type": "int"},
    "network_ssh_sources": {"type": "list", "elements": "str"},
    "network_visitors": {"type": "list", "elements": "str"},
    "operations_directory": {"type": "str"},
    "pgbouncer_guests": {"type": "dict"},
    "private_address": {"type": "str"},
    "rds_instance": {"type": "dict"},
    "rds_instance_name": {"type": "str"},
    "rds_process_environment": {"type": "dict"},
    "rds_restore_given": {"type": "dict"},
    "rds_wait_seconds": {"type": "int"},
    "redis_connection": {"type": "dict"},
    "redis_databases": {"type": "dict"},
    "redis_is_local": {"type": "bool"},
    "secrets": {"type": "dict", "no_log": True},
    "secrets_names": {"type": "list", "elements": "str"},
    "secrets_store": {"type": "dict"},
    "singleton_host": {"type": "str"},
    "web_networks": {"type": "list", "elements": "str"},
    "web_processes": {"type": "list", "elements": "int"},
}
_FORMS = {"list": ("a list", "{name}: [value]"), "dict": ("a mapping", "{name}: {{key: value}}")}


def structure_problem(name: str, option: Mapping[str, Any], value: Any) -> str:
    """The sentence about a value that is no list or no mapping where one is wanted; empty for a good one.

    What a value holds is not shown: lists and mappings carry secrets.
    """
    wanted = option.get("type", "str")
    if wanted not in _FORMS:
        if isinstance(value, (list, tuple, Mapping)) and wanted not in ("raw", "json", "jsonarg"):
            return f"{name} is {_kind(value)}: write one value."
        return ""
    words, form = _FORMS[wanted]
    if not isinstance(value, (list, tuple) if wanted == "list" else Mapping):
        return f"{name} is {_kind(value)}: write {words}, as in {form.format(name=name.rpartition('.')[2])}; with -e as JSON."
    if wanted == "list":
        element = {"type": option.get("elements", "raw"), "options": option.get("options")}
        return next(filter(None, (_part(f"{name}[{n}]", element, one) for n, one in enumerate(value))), "")
    return _options_problem(name, option, value)


def _part(name: str, option: Mapping[str, Any], value: Any) -> str:
    return structure_problem(name, option, value) if option["type"] != "raw" else ""


def _options_problem(name: str, option: Mapping[str, Any], value: Mapping[str, Any]) -> str:
    options = option.get("options") or {}
    return next(
        filter(
            None,
            (
                structure_problem(f"{name}.{key}", options[key], value[key])
                for key in value
                if key in options and value[key] is not None
            ),
        ),
        "",
    )


def _kind(value: Any) -> str:
    if value is None:
        return "empty"
    for kind, words in ((bool, "true or false"), (str, "a string"), (Mapping, "a mapping"), ((list, tuple), "a list")):
        if isinstance(value, kind):
            return words
    return "a number"


def literal_problems(options: Mapping[str, Mapping[str, Any]], hosts: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """What is wrong with values that are no templates, each sentence once.

    Values that are made of others, or of facts, are checked when the facts are there.

    Args:
        options: of all roles and of the site, by name, as in argument specs.
        hosts: the variables of each host, not templated.
    """
    said: dict[str, None] = {}
    for variables in hosts:
        for name in options.keys() & variables.keys():
            value = variables[name]
            if not _has_template(value):
                said.setdefault(
                    structure_problem(name, options[name], value) or _validator_problem(name, options[name], value)
                )
    yield from sorted(filter(None, said))


def _validator_problem(name: str, option: Mapping[str, Any], value: Any) -> str:
    """What Ansible's own check says; it shows values, which those of lists and mappings must not be."""
    if value is None or option.get("type", "str") in _FORMS:
        return ""
    spec = {key: option[key] for key in ("type", "choices", "no_log") if key in option}
    errors = ArgumentSpecValidator({name: spec}).validate({name: value}).error_messages
    if not errors:
        return ""
    wanted = (
        f"one of {', '.join(map(str, option['choices']))}"
        if "choices" in option
        else f"a value of the type {option.get('type', 'str')}"
    )
    shown = "has a value that cannot be used" if option.get("no_log") else f"is '{value}'"
    return f"{name} {shown}: give {wanted}."


def _has_template(value: Any) -> bool:
    if isinstance(value, str):
        return "{{" in value or "{%" in value
    if isinstance(value, Mapping):
        return any(_has_template(one) for one in value.values())
    if isinstance(value, (list, tuple)):
        return any(_has_template(one) for one in value)
    # A value of the vault, or another that is read when it is used.
    return not (value is None or isinstance(value, (bool, int, float)))
