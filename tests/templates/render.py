"""Render a role's template on the controller, with no host: Ansible's own Templar, filters and lookups included."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

PROJECT = Path(__file__).resolve().parents[2]


# The systems that the roles describe; what their files are named by.
SYSTEMS = ["Debian_12", "Debian_13", "Ubuntu_24.04", "Ubuntu_26.04"]


def system_facts(system: str) -> dict[str, str]:
    """A host's facts about its operating system, as Ansible has them: Debian's version has a point release."""
    distribution, release = system.split("_")
    return {
        "distribution": distribution,
        "distribution_version": f"{release}.4" if distribution == "Debian" else release,
        "distribution_major_version": release.split(".")[0],
    }


def role_variables(role: str, system: str = "Debian_13", variables: dict[str, Any] | None = None) -> dict[str, Any]:
    """What a template of the role sees on a host with that system: its defaults and vars, then the ones given."""
    directory, loader = PROJECT / "roles" / role, DataLoader()
    loader.set_basedir(str(directory))
    found: dict[str, Any] = {
        "ansible_managed": "Ansible managed",
        "inventory_hostname": "host.test",
        "role_name": role,
        "role_path": str(directory),
        "playbook_dir": str(PROJECT),
        "inventory_dir": str(PROJECT / "inventory/lab"),
        "ansible_facts": {
            **system_facts(system),
            "processor_vcpus": 2,
            "memtotal_mb": 2048,
            "hostname": "host",
            "virtualization_tech_guest": ["kvm"],
        },
    }
    for name in ("defaults/main.yml", "vars/main.yml"):
        if (directory / name).is_file():
            found |= loader.load_from_file(str(directory / name), trusted_as_template=True) or {}
    return found | trusted(variables or {})


def trusted(value: Any) -> Any:
    """Let strings of a test be templates, as those of an inventory are."""
    if isinstance(value, dict):
        return {key: trusted(item) for key, item in value.items()}
    if isinstance(value, list):
        return [trusted(item) for item in value]
    return trust_as_template(value) if isinstance(value, str) else value


def _templar(role: str, variables: dict[str, Any]) -> Templar:
    loader = DataLoader()
    loader.set_basedir(str(PROJECT / "roles" / role))
    return Templar(loader=loader, variables=variables)


def render(role: str, template: str, system: str = "Debian_13", **variables: Any) -> str:
    """Text of one template, rendered as host_config and ansible.builtin.template do."""
    path = PROJECT / "roles" / role / "templates" / template
    templar = _templar(role, role_variables(role, system, variables)).copy_with_new_env(
        searchpath=[str(path.parent), str(path.parent.parent)]
    )
    return str(
        templar.template(
            trust_as_template(path.read_text()),
            escape_backslashes=False,
            overrides={"trim_blocks": True, "lstrip_blocks": False, "newline_sequence": "\n"},
        )
    )


def evaluate(role: str, expression: str, system: str = "Debian_13", **variables: Any) -> Any:
    """Value of a Jinja expression with the role's variables, such as `evaluate("nginx", "nginx_packages")`."""
    templar = _templar(role, role_variables(role, system, variables))
    return templar.template(trust_as_template("{{ " + expression + " }}"))
