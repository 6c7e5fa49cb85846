"""The controller is lost, and a host with it: what is left is what docs/restore.md says has to be kept.

That is a clone of the operations repository with its inventory and its encrypted secrets, the password of the vault, a way in to the
hosts, and the applications' own repositories. The repository of the backups is on its host.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.database.backup import INVENTORY
from tests.bench.database.site import POOLED, Site
from tests.bench.labs import BENCH, PROJECT, Lab, copy_project

# How hosts are reached: addresses, the administrators' SSH key, the keys by which hosts are known. A cloud's console has them.
WAYS = ("hosts.json", "ssh_config", "id_ed25519", "known_hosts")
SECRETS = "secrets.yml"
# Beside what the inventory says: what somebody did by hand is in the repository, too.
BY_HAND = """
CREATE ROLE analyst LOGIN PASSWORD 'by-hand' CONNECTION LIMIT 3;
GRANT pg_read_all_data TO analyst;
ALTER ROLE analyst IN DATABASE bench SET statement_timeout = '30s';
"""
# What a cluster is beside its rows.
CLUSTER = {
    "roles": "SELECT rolname, rolsuper, rolcanlogin, rolreplication, rolconnlimit, rolpassword FROM pg_authid ORDER BY 1",
    "memberships": "SELECT roleid::regrole, member::regrole FROM pg_auth_members ORDER BY 1, 2",
    "settings of roles": "SELECT setdatabase, setrole::regrole, setconfig FROM pg_db_role_setting ORDER BY 1, 2",
    "databases": "SELECT datname, datdba::regrole, datcollate, datacl FROM pg_database ORDER BY 1",
    "settings": "SELECT name, setting FROM pg_settings WHERE source = 'configuration file' ORDER BY 1",
    "access": "SELECT type, database, user_name, address, netmask, auth_method, options FROM pg_hba_file_rules ORDER BY rule_number",
}


def empty_host(lab: Lab, host: str) -> None:
    """Take a host away with its disk, and boot an empty one of its name."""
    words = [sys.executable, "-m", "lab", "remove", "--host", host]
    subprocess.run(words, cwd=lab.project, env=lab.environment, check=True)
    lab.command("hosts")


@contextmanager
def another_controller(old: Lab) -> Iterator[Lab]:
    """Everything that the controller knew is away meanwhile; the lab as another one sees it that has what was kept."""
    gone = old.directory.with_name(f"{old.directory.name}.gone")
    # Not in pytest's place: the sockets of SSH in that home have to have short names.
    with tempfile.TemporaryDirectory() as place:
        lab = fresh(old, Path(place))
        old.directory.rename(gone)
        try:
            yield lab
        finally:
            gone.rename(old.directory)


def fresh(old: Lab, place: Path) -> Lab:
    """The lab from a fresh clone and what was kept.

    Args:
        old: the lab.
        place: an empty directory, the other controller's disk.
    """
    clone, home = place / "operations", place / "home"
    home.mkdir()
    subprocess.run(["git", "clone", "--quiet", str(PROJECT), str(clone)], check=True)
    # Programs alone, which `make venv` makes again from the lock.
    (clone / ".venv").symlink_to(PROJECT / ".venv")
    lab = Lab(old.name.removeprefix("bench-"), INVENTORY, BENCH / "applications.yml", clone)
    (lab.inventory / "group_vars" / "env_lab" / "zz_database.yml").write_text(POOLED)
    copy_project(lab)
    lab.directory.mkdir(parents=True)
    for name in WAYS:
        shutil.copy2(old.directory / name, lab.directory / name)
    ssh = lab.directory / "ssh_config"
    ssh.write_text(ssh.read_text().replace(str(old.directory), str(lab.directory)))
    password = place / "vault-password"
    password.write_text("kept in another place\n")
    # Neither connections that are open nor what a home keeps are there.
    lab.environment |= {"HOME": str(home), "ANSIBLE_VAULT_PASSWORD_FILE": str(password)}
    encrypt(lab, old.directory / SECRETS)
    return lab


def encrypt(lab: Lab, secrets: Path) -> None:
    """The secrets as an operations repository has them."""
    kept = lab.directory / SECRETS
    words = [str(PROJECT / ".venv/bin/ansible-vault"), "encrypt", "--output", str(kept), str(secrets)]
    subprocess.run(words, cwd=lab.project, env=lab.environment, check=True, capture_output=True)
    assert kept.read_text().startswith("$ANSIBLE_VAULT"), "the secrets are kept in clear"


def cluster(site: Site) -> dict[str, str]:
    """All that the cluster is, as text."""
    return {what: site.sql(statement) for what, statement in CLUSTER.items()}
