#!/usr/bin/python
# SPDX-License-Identifier: MIT
"""Apply a set of users, files, links, sysctl values and systemd units in one round trip."""

from __future__ import annotations

DOCUMENTATION = r"""
module: host_config
short_description: Apply a role's users, files, links, sysctl values and units in one round trip
description:
  - Renders templates on the controller, sends the whole set at once, and brings the host to it.
  - "Order: users, directories, files (all are written beside their destination and pass their own
    O(files[].validate) before the first one is put in place), links, absent, purge, O(validate), sysctl,
    daemon-reload, units."
  - When a command of O(validate) fails, or anything else goes wrong while files, links and removals are put
    in place, all of these are restored exactly. Users and directories that were created stay.
  - Everything is planned, and wrong arguments are refused, before the host is touched.
  - Restarting and reloading are left to handlers. RV(triggers) tells which ones are due.
options:
  users:
    description:
      - Users to create. Each gets a group of the same name. The home directory is not created.
      - An existing user only gains missing supplementary groups. Nothing else of it is changed.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Login name.
        type: str
        required: true
      home:
        description: Home directory that is written to the user database.
        type: str
        default: /nonexistent
      shell:
        description: Login shell.
        type: str
        default: /usr/sbin/nologin
      groups:
        description: Supplementary groups. They must exist, or belong to a user of this call.
        type: list
        elements: str
        default: []
      comment:
        description: The user's full name or purpose.
        type: str
        default: ''
      system:
        description: Take the user's and the group's number from the range for system accounts.
        type: bool
        default: true
  directories:
    description:
      - Directories to create. Missing parents are created as V(root:root) V(0755).
      - A link to a directory is followed when root owns the link, else refused.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: Absolute path.
        type: str
        required: true
      owner:
        description: Name or number of the owner.
        type: str
        default: root
      group:
        description: Name or number of the group.
        type: str
        default: root
      mode:
        description: Quoted octal number with a leading zero.
        type: str
        default: '0755'
      triggers:
        description: Words that are added to RV(triggers) when this entry changes.
        type: list
        elements: str
        default: []
  files:
    description:
      - Files of at most 1 MB, each with one of O(files[].template), O(files[].content) or O(files[].src).
      - A file is replaced by a rename in its directory. A link at its path is replaced by the file, as
        M(ansible.builtin.copy) does with O(ansible.builtin.copy#module:follow=false).
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: Absolute path. Its directory must exist or be in O(directories).
        type: str
        required: true
      template:
        description:
          - Jinja2 template, looked up and rendered as M(ansible.builtin.template) does with its defaults.
        type: str
      content:
        description: Literal content. Data structures need P(ansible.builtin.to_nice_json#filter).
        type: raw
      src:
        description: File on the controller, looked up in C(files/). It may be binary or vaulted.
        type: str
      vars:
        description: Extra variables for this template. They win over all others.
        type: dict
        default: {}
      owner:
        description: Name or number of the owner.
        type: str
        default: root
      group:
        description: Name or number of the group.
        type: str
        default: root
      mode:
        description: Quoted octal number with a leading zero.
        type: str
        default: '0644'
      sensitive:
        description:
          - Keep the content out of diffs, results and logs.
          - The words of the file are also blotted out in what validators, systemctl and the journal print.
        type: bool
        default: false
      validate:
        description:
          - Command that checks the new file before anything is put in place. V(%s) stands for the file.
          - It does not run in check mode.
        type: str
      triggers:
        description: Words that are added to RV(triggers) when this entry changes.
        type: list
        elements: str
        default: []
  links:
    description: Symbolic links, replaced by a rename. The target does not need to exist.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: Absolute path of the link.
        type: str
        required: true
      target:
        description: What the link says, absolute or relative to the link's directory.
        type: str
        required: true
      force:
        description: Replace a regular file. A directory is never replaced.
        type: bool
        default: false
      triggers:
        description: Words that are added to RV(triggers) when this entry changes.
        type: list
        elements: str
        default: []
  absent:
    description:
      - Paths to remove, as strings or as mappings with C(path) and C(triggers).
      - A directory is removed only when it is empty, or when all it holds is listed here too.
    type: list
    elements: raw
    default: []
  purge:
    description: Remove files and links of a directory that are not in O(files) or O(links) of this call.
    type: list
    elements: dict
    default: []
    suboptions:
      directory:
        description: Absolute path. It may be missing.
        type: str
        required: true
      pattern:
        description: Glob for the names, such as V(*.conf). A leading dot is matched only by a dot.
        type: str
        required: true
      triggers:
        description: Words that are added to RV(triggers) when something was removed.
        type: list
        elements: str
        default: []
  validate:
    description: Commands that check the set once it is in place, when a file, a link or a removal changed.
    type: list
    elements: dict
    default: []
    suboptions:
      command:
        description:
          - Command as a list, or as a string that is split like a shell does. No shell runs it.
          - It is skipped, with a note in RV(skipped_validations), when the executable does not exist.
        type: raw
        required: true
      triggers:
        description: Run only when a changed file, link or removal carries one of these triggers.
        type: list
        elements: str
        default: []
  sysctl:
    description:
      - Live values below C(/proc/sys). The file that keeps them over a reboot is one of O(files).
      - An unknown key is an error, in check mode too.
    type: dict
    default: {}
  units:
    description:
      - systemd units, all looked at with one C(systemctl show).
      - The daemon is reloaded when a path in a unit directory changed, or when systemd asks for it.
      - "A unit that cannot be enabled by itself (static, indirect, generated, transient) satisfies
        O(units[].enabled=true) with a warning. Enabled until the next boot only counts as not enabled."
      - A unit whose own conditions keep it from starting is reported by a warning and is not a change.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Full name with its suffix, such as V(nginx.service) or V(app@blue.service).
        type: str
        required: true
      enabled:
        description: Whether the unit starts at boot.
        type: bool
      state:
        description: Whether the unit runs now.
        type: str
        choices: [started, stopped]
      masked:
        description: Whether the unit is masked. A unit that does not exist yet can be masked.
        type: bool
  remember:
    description:
      - Name under which the host remembers this set, with letters, digits, C(_), C(.), C(@) and C(-). Each set has its own.
      - Every call compares all sets that the host remembers with the host and tells the controller which are as they should
        be. A later call of the same run that asks for such a set, in the same words, does not ask the host again.
      - "What another task of the run may have undone has to be looked at anew: a call without any option does it."
      - Not for a set that is different in each run.
    type: str
  payload:
    description: The contents of O(files), packed by the action plugin. Not for use in playbooks.
    type: str
  digest:
    description: What identifies the wishes of this call, computed by the action plugin. Not for use in playbooks.
    type: str
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
requirements:
  - systemd, when O(units) is used
author:
  - The maintainers of this repository
"""

EXAMPLES = r"""
- name: Place the web server's configuration
  django_ec2.site.host_config:
    directories:
      - {path: /etc/nginx/sites-enabled}
    files:
      - path: /etc/nginx/nginx.conf
        template: nginx.conf.j2
        triggers: [reload]
      - path: /etc/nginx/htpasswd
        content: "{{ nginx_htpasswd }}"
        group: www-data
        mode: "0640"
        sensitive: true
    links:
      - path: /etc/nginx/sites-enabled/shop.conf
        target: ../sites-available/shop.conf
        triggers: [reload]
    purge:
      - {directory: /etc/nginx/sites-enabled, pattern: "*", triggers: [reload]}
    validate:
      - command: nginx -t
    units:
      - {name: nginx.service, enabled: true, state: started}
  register: __nginx_config
  notify: Reload nginx

- name: Place a sudo rule and the service account
  django_ec2.site.host_config:
    users:
      - {name: shop, home: /srv/shop, groups: [systemd-journal]}
    files:
      - path: /etc/sudoers.d/shop
        content: "shop ALL=(root) NOPASSWD: /usr/bin/systemctl reload shop.service\n"
        mode: "0440"
        validate: visudo -cf %s
    sysctl:
      net.core.somaxconn: 1024
"""

RETURN = r"""
changed_paths:
  description: Directories, files, links and removed paths that changed.
  returned: always
  type: list
  elements: str
  sample: [/etc/nginx/nginx.conf]
digests:
  description:
    - The SHA-256 of each file that changed, as it is afterwards; in check mode, as it would be. Sensitive files are left out.
  returned: always
  type: dict
  sample: {/etc/nginx/nginx.conf: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08}
changed_units:
  description: Units that were enabled, disabled, masked, unmasked, started or stopped.
  returned: always
  type: list
  elements: str
  sample: [nginx.service]
changed_sysctl:
  description: Keys whose live value changed.
  returned: always
  type: list
  elements: str
  sample: [net.core.somaxconn]
created_users:
  description: Users that were created.
  returned: always
  type: list
  elements: str
  sample: [shop]
changed_users:
  description: Users that existed and gained supplementary groups.
  returned: always
  type: list
  elements: str
  sample: []
daemon_reloaded:
  description: Whether systemd's manager configuration was reloaded.
  returned: always
  type: bool
remembered:
  description: Whether the host was not asked, because an earlier call of this run found the set as it should be.
  returned: always
  type: bool
sets:
  description: The remembered sets that are as they should be, with what identifies their wishes.
  returned: when the host was asked
  type: dict
  sample: {nginx: 5e0c7a}
skipped_validations:
  description: Commands of O(validate) that were due and whose executable does not exist.
  returned: always
  type: list
  elements: str
  sample: [nginx -t]
triggers:
  description: Sorted union of the triggers of all entries that changed.
  returned: always
  type: list
  elements: str
  sample: [reload]
"""

import base64
import contextlib
import fnmatch
import grp
import hashlib
import json
import os
import pwd
import re
import shlex
import shutil
import signal
import stat
import subprocess
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.django_ec2.site.plugins.module_utils import remembered

PROC_SYS = "/proc/sys"
UNIT_DIRECTORIES = (
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/lib/systemd/system",
    "/usr/local/lib/systemd/system",
)
UNIT_NAME = re.compile(
    r"[\w:.\\-]+(@[\w:.\\-]+)?"
    r"\.(service|socket|device|mount|automount|swap|target|path|timer|slice|scope)"
)
UNIT_PROPERTIES = "Id,LoadState,ActiveState,SubState,UnitFileState,NeedDaemonReload,Type,Result"
# Here enabling is not a property of the unit itself: asking for it again and again changes nothing.
NOT_ENABLEABLE = ("static", "indirect", "generated", "transient")
RUNNING = ("active", "reloading", "refreshing")
SETTLE_SECONDS = 0.5  # a Type=simple service counts as started before it had time to crash
START_SECONDS = 15.0  # how long a unit may stay "activating" after systemctl has returned
DIFF_LIMIT = 100_000
MODE = re.compile(r"0[0-7]{3,4}")
SHORTEST_SECRET = 4
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

_TRIGGERS = {"type": "list", "elements": "str", "default": []}
_OWNERSHIP = {"owner": {"type": "str", "default": "root"}, "group": {"type": "str", "default": "root"}}
_PATH = {"type": "str", "required": True}
_ENTRIES = {"type": "list", "elements": "dict", "default": []}

ARGUMENT_SPEC: dict[str, Any] = {
    "users": {
        **_ENTRIES,
        "options": {
            "name": {"type": "str", "required": True},
            "home": {"type": "str", "default": "/nonexistent"},
            "shell": {"type": "str", "default": "/usr/sbin/nologin"},
            "groups": {"type": "list", "elements": "str", "default": []},
            "comment": {"type": "str", "default": ""},
            "system": {"type": "bool", "default": True},
        },
    },
    "directories": {
        **_ENTRIES,
        "options": {
            "path": _PATH,
            **_OWNERSHIP,
            "mode": {"type": "str", "default": "0755"},
            "triggers": _TRIGGERS,
        },
    },
    "files": {
        **_ENTRIES,
        "options": {
            "path": _PATH,
            # The next four are consumed by the action plugin; they are here for documentation and linters.
            "template": {"type": "str"},
            "content": {"type": "raw", "no_log": True},
            "src": {"type": "str"},
            "vars": {"type": "dict", "default": {}},
            **_OWNERSHIP,
            "mode": {"type": "str", "default": "0644"},
            "sensitive": {"type": "bool", "default": False},
            "validate": {"type": "str"},
            "triggers": _TRIGGERS,
        },
    },
    "links": {
        **_ENTRIES,
        "options": {
            "path": _PATH,
            "target": {"type": "str", "required": True},
            "force": {"type": "bool", "default": False},
            "triggers": _TRIGGERS,
        },
    },
    "absent": {"type": "list", "elements": "raw", "default": []},
    "purge": {
        **_ENTRIES,
        "options": {
            "directory": _PATH,
            "pattern": {"type": "str", "required": True},
            "triggers": _TRIGGERS,
        },
    },
    "validate": {
        **_ENTRIES,
        "options": {"command": {"type": "raw", "required": True}, "triggers": _TRIGGERS},
    },
    "sysctl": {"type": "dict", "default": {}},
    "units": {
        **_ENTRIES,
        "options": {
            "name": {"type": "str", "required": True},
            "enabled": {"type": "bool"},
            "state": {"type": "str", "choices": ["started", "stopped"]},
            "masked": {"type": "bool"},
        },
    },
    "remember": {"type": "str"},
    # Ansible blots no_log values out of everything it prints. Packed into one string the contents stay out of
    # invocation and logs, while the diffs of ordinary files stay readable.
    "payload": {"type": "str", "no_log": True},
    "digest": {"type": "str"},
}


class HostConfigError(Exception):
    """Something the user has to know; `details` become fields of the task's result."""

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.details = details


# --- small tools ---


def find_executable(name: str) -> str | None:
    """Find a program, also when the login's PATH lacks the sbin directories."""
    return shutil.which(name, path=os.environ.get("PATH", "") + ":" + SYSTEM_PATH)


def run(argv: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a command without a shell, in a locale whose messages can be relied on."""
    executable = find_executable(argv[0])
    if executable is None:
        raise HostConfigError(f"{argv[0]} is not installed on this host (wanted for: {shlex.join(argv)}).")
    return subprocess.run(
        [executable, *argv[1:]],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        env={**os.environ, "LC_ALL": "C.UTF-8"},
        check=False,
    )


def lstat(path: str) -> os.stat_result | None:
    """Status of the path itself, None when there is nothing."""
    try:
        return os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None


def kind_of(status: os.stat_result | None) -> str:
    """Name what is at a path."""
    if status is None:
        return "absent"
    for test, name in ((stat.S_ISREG, "file"), (stat.S_ISLNK, "link"), (stat.S_ISDIR, "directory")):
        if test(status.st_mode):
            return name
    return "special file"


def read_bytes(path: str, limit: int) -> bytes | None:
    """Content of a file, None when it is longer than the limit."""
    with open(path, "rb") as stream:
        content = stream.read(limit + 1)
    return content if len(content) <= limit else None


def has_content(entry: dict[str, Any], status: os.stat_result) -> bool:
    """Whether a file has the content of an entry, of which a remembered one keeps size and digest alone."""
    if "sha256" not in entry:
        size = len(entry["content"])
        return status.st_size == size and read_bytes(entry["path"], size) == entry["content"]
    content = read_bytes(entry["path"], entry["size"]) if status.st_size == entry["size"] else None
    return content is not None and hashlib.sha256(content).hexdigest() == entry["sha256"]


def parse_mode(mode: str, entry: str) -> int:
    """Turn a quoted octal string into a number."""
    if not MODE.fullmatch(mode):
        raise HostConfigError(
            f"{entry}: mode {mode!r} is not an octal string. Write it in quotes with a leading zero: "
            'mode: "0644". Without quotes YAML turns it into another number.'
        )
    return int(mode, 8)


def clean_path(path: str, entry: str) -> str:
    """Absolute path in its shortest form."""
    if not path.startswith("/") or "\0" in path:
        raise HostConfigError(f"{entry}: {path!r} must be an absolute path, such as /etc/app/app.conf.")
    return "/" + os.path.normpath(path).lstrip("/")


def split_command(command: Any, entry: str) -> list[str]:
    """Accept a list or a string, always answer a list."""
    argv: list[str] = []
    if isinstance(command, (list, tuple)):
        argv = [str(word) for word in command]
    elif isinstance(command, str):
        try:
            argv = shlex.split(command)
        except ValueError as error:
            raise HostConfigError(f"{entry}: the command {command!r} cannot be split: {error}.") from None
    if not argv:
        raise HostConfigError(f"{entry}: the command must be a list or a string, such as [nginx, -t].")
    return argv


def unpack(payload: str | None) -> list[bytes]:
    """Contents of the files in their order, as the action plugin packed them."""
    if not payload:
        return []
    return [base64.b64decode(text) for text in json.loads(zlib.decompress(base64.b64decode(payload)))]


def printable(content: bytes | None) -> str:
    """Content for a diff; says so when it is too large or binary."""
    if content is None or len(content) > DIFF_LIMIT:
        size = "unread" if content is None else hashlib.sha256(content).hexdigest()[:12]
        return f"(more than {DIFF_LIMIT // 1000} kB, {size})\n"
    with contextlib.suppress(UnicodeDecodeError):
        if b"\0" not in content:
            return content.decode()
    return f"(binary content, {len(content)} bytes, {hashlib.sha256(content).hexdigest()[:12]})\n"


def diff_item(title: str, before: str, after: str) -> dict[str, str]:
    """One item as Ansible's diff mode expects it."""
    return {"before_header": title, "after_header": title, "before": before, "after": after}


# --- accounts ---


class Accounts:
    """Numbers of users and groups. Names this call creates are fine; in check mode any name is."""

    def __init__(self, planned: set[str], check_mode: bool) -> None:
        self.planned = planned
        self.check_mode = check_mode

    def uid(self, name: str) -> int | None:
        """Number of a user, None when it does not exist yet."""
        return self._number(name, lambda: pwd.getpwnam(name).pw_uid)

    def gid(self, name: str) -> int | None:
        """Number of a group, None when it does not exist yet."""
        return self._number(name, lambda: grp.getgrnam(name).gr_gid)

    @staticmethod
    def _number(name: str, look_up: Callable[[], int]) -> int | None:
        try:
            return look_up()
        except KeyError:
            return int(name) if name.isdecimal() else None

    def demand(self, owner: str | None, group: str | None, entry: str) -> None:
        """Refuse names that will not exist when they are needed."""
        for name, number, word in ((owner, self.uid, "user"), (group, self.gid, "group")):
            if name is None or name in self.planned or self.check_mode or number(name) is not None:
                continue
            raise HostConfigError(
                f"{entry}: the {word} {name!r} does not exist on this host. "
                f"Create it first (option users), or correct the name."
            )


# --- the set of paths ---


class Transaction:
    """Puts files in place and can take all of it back.

    What is replaced or removed stays beside its path under a hidden name until commit, so that it comes back
    exactly: same inode, times and attributes. Programs that read a whole directory skip hidden names.
    """

    def __init__(self) -> None:
        self._undo: list[Callable[[], None]] = []
        self._staged: list[str] = []
        self._backups: list[str] = []

    @staticmethod
    def _hidden_name(path: str, names: list[str], suffix: str = "") -> str:
        name = os.path.join(os.path.dirname(path), f".ansible-{os.urandom(6).hex()}{suffix}")
        names.append(name)
        return name

    def stage(self, path: str, content: bytes, owner: tuple[int, int], mode: int) -> str:
        """Write the new content beside the path; nobody else can read it before owner and mode are right."""
        # Some validators look at the suffix of the name.
        name = self._hidden_name(path, self._staged, "-" + os.path.basename(path)[-60:])
        descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fchown(descriptor, *owner)
            os.fchmod(descriptor, mode)  # after chown, which clears set-id bits
        return name

    def place(self, staged: str, path: str) -> None:
        """Rename what was staged over the path."""
        backup = None
        if lstat(path) is not None:
            backup = self._hidden_name(path, self._backups)
            os.link(path, backup, follow_symlinks=False)
        os.rename(staged, path)
        # Registered only now: renaming a hard link over its own file would do nothing.
        self._undo.append((lambda: os.rename(backup, path)) if backup else (lambda: os.unlink(path)))

    def link(self, path: str, target: str) -> None:
        """Create or replace a symbolic link without a moment in which there is none."""
        staged = self._hidden_name(path, self._staged)
        os.symlink(target, staged)
        self.place(staged, path)

    def remove(self, path: str, shelter: str) -> None:
        """Remove a file, a link or an empty directory; the backup waits in the directory `shelter`."""
        status = os.lstat(path)
        if stat.S_ISDIR(status.st_mode):
            os.rmdir(path)
            self._undo.append(lambda: make_directory(path, (status.st_uid, status.st_gid), status.st_mode & 0o7777))
        else:
            backup = self._hidden_name(os.path.join(shelter, os.path.basename(path)), self._backups)
            os.rename(path, backup)
            self._undo.append(lambda: os.rename(backup, path))

    def rollback(self) -> list[str]:
        """Take everything back, newest first. Answers what could not be restored."""
        problems = []
        while self._undo:
            try:
                self._undo.pop()()
            except OSError as error:
                problems.append(f"{error.filename2 or error.filename}: {error.strerror} (kept: {error.filename})")
        # When something could not be restored, its backup may be the only copy.
        self._clear(self._staged if problems else self._staged + self._backups)
        return problems

    def commit(self) -> None:
        """Forget how to go back."""
        self._undo.clear()
        self._clear(self._staged + self._backups)

    @staticmethod
    def _clear(names: list[str]) -> None:
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name)


def make_directory(path: str, owner: tuple[int, int], mode: int) -> None:
    """Create one directory that is never more open than it will be."""
    os.mkdir(path, 0o700)
    os.chown(path, *owner)
    os.chmod(path, mode)


@dataclass
class Change:
    """One path that differs from what is wanted."""

    path: str
    triggers: list[str]
    diff: list[dict[str, str]] = field(default_factory=list)
    entry: dict[str, Any] = field(default_factory=dict)


class HostConfig:
    """The plan for one host, and its execution. Planning reads only, so check mode is the plan."""

    def __init__(self, params: dict[str, Any], check_mode: bool = False, diff: bool = False) -> None:
        self.params = params
        self.check_mode = check_mode
        self.with_diff = diff
        self.warnings: list[str] = []
        self.diff: list[dict[str, str]] = []
        self.changes: dict[str, list[Change]] = {}
        self.new_users: list[dict[str, Any]] = []
        self.new_groups: dict[str, list[str]] = {}
        self.new_sysctl: dict[str, tuple[str, str]] = {}
        self.secrets: list[str] = []
        self.result: dict[str, Any] = {
            "changed": False,
            "changed_paths": [],
            "digests": {},
            "changed_units": [],
            "changed_sysctl": [],
            "created_users": [],
            "changed_users": [],
            "daemon_reloaded": False,
            "remembered": False,
            "skipped_validations": [],
            "triggers": [],
        }

    def run(self) -> dict[str, Any]:
        """Plan everything, then apply it unless in check mode."""
        self._normalize()
        self._plan()
        self._report_plan()
        if not self.check_mode:
            if self.params.get("remember") and any((self.new_users, self.new_groups, *self.changes.values())):
                remembered.forget(self.params["remember"])
            self._apply()
        result = self.result
        try:
            self._apply_sysctl()
            self._manage_units()
        except HostConfigError as error:
            # The files are in place by now: a rescue block may want to know what the handlers have missed.
            error.details = {**result, "changed": self._has_changed(), **error.details}
            raise
        result["changed"] = self._has_changed()
        if self.with_diff:
            result["diff"] = self.diff
        self._remember()
        return result

    def holds(self) -> bool:
        """Whether the host is as a remembered set asks for; nothing is changed."""
        try:
            self._plan()
            self._report_plan()
            self._manage_units()
        except (HostConfigError, OSError, KeyError, TypeError, ValueError):
            return False
        return not (self._has_changed() or self.result["daemon_reloaded"] or self.warnings)

    def _remember(self) -> None:
        """Keep this set for later runs, once the host is as it asks for."""
        params = self.params
        if not params.get("remember") or not params.get("digest") or self.check_mode:
            return
        kept = {
            option: params[option] for option in ("users", "directories", "links", "absent", "purge", "sysctl", "units")
        }
        kept["files"] = [
            {
                **remembered.described(entry["path"], entry["content"], entry["owner"], entry["group"], entry["mode"]),
                "triggers": entry["triggers"],
            }
            for entry in params["files"]
        ]
        remembered.write(params["remember"], params["digest"], kept)

    def _has_changed(self) -> bool:
        return any(value for key, value in self.result.items() if key.startswith(("changed_", "created_")))

    # -- arguments --

    def _normalize(self) -> None:
        """Check what an argument spec cannot express, and bring paths, modes and commands into one form."""
        params = self.params
        params["absent"] = [self._absent_entry(entry) for entry in params["absent"]]
        for option in ("directories", "files", "links", "absent"):
            for entry in params[option]:
                entry["path"] = clean_path(entry["path"], option)
                if "mode" in entry:
                    entry["mode"] = parse_mode(entry["mode"], f"{option}: {entry['path']}")
        self._refuse_duplicates()
        for entry in params["purge"]:
            entry["directory"] = clean_path(entry["directory"], "purge")
            if not entry["pattern"] or "/" in entry["pattern"]:
                raise HostConfigError(
                    f"purge: {entry['directory']}: pattern {entry['pattern']!r} must be a glob for names "
                    'directory, such as "*.conf".'
                )
        for entry in params["validate"]:
            entry["command"] = split_command(entry["command"], "validate")
        self._attach_contents()
        for unit in params["units"]:
            self._check_unit_entry(unit)
        name = params.get("remember")
        if name and not remembered.NAME.fullmatch(name):
            raise HostConfigError(
                f"remember: {name!r} must be a name of letters, digits, '_', '.', '@' and '-', as in nginx."
            )

    @staticmethod
    def _absent_entry(entry: Any) -> dict[str, Any]:
        if isinstance(entry, str):
            return {"path": entry, "triggers": []}
        if not isinstance(entry, dict) or "path" not in entry or set(entry) - {"path", "triggers"}:
            raise HostConfigError(f"absent: {entry!r} must be a path, or a mapping with path and triggers.")
        triggers = entry.get("triggers") or []
        return {
            "path": str(entry["path"]),
            "triggers": [triggers] if isinstance(triggers, str) else list(triggers),
        }

    def _refuse_duplicates(self) -> None:
        seen: dict[str, str] = {}
        for option in ("directories", "files", "links", "absent"):
            for path in (entry["path"] for entry in self.params[option]):
                if path in seen:
                    raise HostConfigError(f"{path} is listed twice, in {seen[path]} and {option}. Keep one.")
                seen[path] = option
        for option in ("users", "units"):
            names = [entry["name"] for entry in self.params[option]]
            for name in names:
                if names.count(name) > 1:
                    raise HostConfigError(f"{name} is listed twice in {option}. Merge the entries into one.")

    def _attach_contents(self) -> None:
        files, contents = self.params["files"], unpack(self.params["payload"])
        if len(files) != len(contents):
            raise HostConfigError(
                "The contents of the files did not arrive. host_config needs its action plugin: "
                "set action_plugins in ansible.cfg to the directory that holds host_config.py."
            )
        for entry, content in zip(files, contents):  # noqa: B905 - strict= needs Python 3.10, lengths are checked
            entry["content"] = content
            if entry["sensitive"]:
                self.secrets.extend(words_of(content))
            if entry["validate"] is not None:
                entry["validate"] = split_command(entry["validate"], f"files: {entry['path']}")
                if not any("%s" in word for word in entry["validate"]):
                    raise HostConfigError(
                        f"files: {entry['path']}: validate needs %s where the file's name belongs, "
                        "such as: visudo -cf %s"
                    )
        # Longest first, so that no part of a secret survives the replacement of a shorter one.
        self.secrets = sorted(set(self.secrets), key=len, reverse=True)

    @staticmethod
    def _check_unit_entry(unit: dict[str, Any]) -> None:
        name = unit["name"]
        if not UNIT_NAME.fullmatch(name):
            raise HostConfigError(
                f"units: {name!r} is not the full name of one unit. Write the suffix, and the instance of a "
                "template: nginx.service, app@blue.service."
            )
        if unit["masked"] and (unit["enabled"] or unit["state"] == "started"):
            raise HostConfigError(f"units: {name} cannot be masked and also enabled or started. Choose one.")

    def redact(self, text: str) -> str:
        """Blot the content of sensitive files out of a program's output."""
        for secret in self.secrets:
            text = text.replace(secret, "********")
        return text.strip()

    # -- plan --

    def _plan(self) -> None:
        self._plan_users()
        self.accounts = Accounts({user["name"] for user in self.new_users}, self.check_mode)
        for user in self.params["users"]:
            for group in user["groups"]:
                self.accounts.demand(None, group, f"users: {user['name']}")
        for option, plan in (
            ("directories", self._plan_directory),
            ("files", self._plan_file),
            ("links", self._plan_link),
            ("absent", self._plan_absent),
        ):
            planned = [plan(entry) for entry in self.params[option]]
            self.changes[option] = [change for change in planned if change]
        # Deepest first, so that a directory is empty when its turn comes.
        self.changes["absent"].sort(key=lambda change: change.path.count("/"), reverse=True)
        self.changes["purge"] = self._plan_purge()
        self._plan_sysctl()

    def _plan_users(self) -> None:
        for user in self.params["users"]:
            try:
                account = pwd.getpwnam(user["name"])
            except KeyError:
                self.new_users.append(user)
                missing = user["groups"]
            else:
                missing = [name for name in user["groups"] if not is_member(account, name)]
            if missing:
                self.new_groups[user["name"]] = missing

    def _numbers(self, entry: dict[str, Any], where: str) -> tuple[int | None, int | None]:
        self.accounts.demand(entry["owner"], entry["group"], where)
        return self.accounts.uid(entry["owner"]), self.accounts.gid(entry["group"])

    def _plan_directory(self, entry: dict[str, Any]) -> Change | None:
        path, where = entry["path"], f"directories: {entry['path']}"
        wanted = (*self._numbers(entry, where), entry["mode"])
        status = lstat(path)
        if kind_of(status) == "link" and os.path.isdir(path):
            if status and status.st_uid != 0:
                raise HostConfigError(f"{where} is a link that root does not own. Remove it by hand.")
            status = os.stat(path)
        if kind_of(status) not in ("absent", "directory"):
            raise HostConfigError(f"{where}: there is a {kind_of(status)} at this path. Remove it by hand.")
        if attributes(status) == wanted:
            return None
        return Change(path, entry["triggers"], [self._attribute_diff(entry, status)], entry)

    def _attribute_diff(self, entry: dict[str, Any], status: os.stat_result | None) -> dict[str, str]:
        before = "absent\n"
        if status:
            before = describe(user_name(status.st_uid), group_name(status.st_gid), stat.S_IMODE(status.st_mode))
        return diff_item(entry["path"], before, describe(entry["owner"], entry["group"], entry["mode"]))

    def _plan_file(self, entry: dict[str, Any]) -> Change | None:
        path, where = entry["path"], f"files: {entry['path']}"
        wanted = (*self._numbers(entry, where), entry["mode"])
        self._demand_parent(path, where)
        status = lstat(path)
        kind = kind_of(status)
        if kind in ("directory", "special file"):
            raise HostConfigError(f"{where}: there is a {kind} at this path. Remove it by hand.")
        same_content = status is not None and kind == "file" and has_content(entry, status)
        same_attributes = kind == "file" and attributes(status) == wanted
        if same_content and same_attributes:
            return None
        diff = []
        if self.with_diff and not same_content:
            diff.append(self._content_diff(entry, kind))
        if self.with_diff and kind == "file" and not same_attributes:
            diff.append(self._attribute_diff(entry, status))
        return Change(path, entry["triggers"], diff, entry)

    @staticmethod
    def _content_diff(entry: dict[str, Any], kind: str) -> dict[str, str]:
        path = entry["path"]
        if entry["sensitive"]:
            before = "" if kind == "absent" else "(sensitive content)\n"
            return diff_item(path, before, "(sensitive content)" + (", changed\n" if before else "\n"))
        before = {
            "absent": lambda: "",
            "link": lambda: f"link to {os.readlink(path)}\n",
            "file": lambda: printable(read_bytes(path, DIFF_LIMIT)),
        }[kind]()
        return diff_item(path, before, printable(entry["content"]))

    def _demand_parent(self, path: str, where: str) -> None:
        """The directory must exist when the turn comes; in check mode an earlier task may create it."""
        parent = os.path.dirname(path)
        if self.check_mode or os.path.isdir(parent):
            return
        if any((entry["path"] + "/").startswith(parent + "/") for entry in self.params["directories"]):
            return
        raise HostConfigError(f"{where}: the directory {parent} does not exist. Add it to directories.")

    def _plan_link(self, entry: dict[str, Any]) -> Change | None:
        path, target, where = entry["path"], entry["target"], f"links: {entry['path']}"
        self._demand_parent(path, where)
        kind = kind_of(lstat(path))
        if kind not in ("absent", "link") and not (kind == "file" and entry["force"]):
            remedy = "Set force: true to replace it." if kind == "file" else "Remove it by hand."
            raise HostConfigError(f"{where}: there is a {kind} at this path. {remedy}")
        before = os.readlink(path) if kind == "link" else kind
        if kind == "link" and before == target:
            return None
        return Change(path, entry["triggers"], [diff_item(path, f"{before}\n", f"{target}\n")], entry)

    def _plan_absent(self, entry: dict[str, Any]) -> Change | None:
        path = entry["path"]
        kind = kind_of(lstat(path))
        if kind == "absent":
            return None
        if kind == "directory":
            listed = {other["path"] for other in self.params["absent"]}
            left = sorted(name for name in os.listdir(path) if os.path.join(path, name) not in listed)
            if left:
                raise HostConfigError(
                    f"absent: {path} is a directory that still holds {', '.join(left[:5])}. "
                    "Only empty directories are removed: list its files too, or remove it by hand."
                )
        return Change(path, entry["triggers"], [diff_item(path, f"{kind}\n", "absent\n")])

    def _plan_purge(self) -> list[Change]:
        # Compared by real directory: /var/run/x and /run/x must not be taken for different files.
        kept = {
            (os.path.realpath(os.path.dirname(entry["path"])), os.path.basename(entry["path"]))
            for option in ("files", "links", "absent")
            for entry in self.params[option]
        }
        changes: dict[str, Change] = {}
        for entry in self.params["purge"]:
            directory = os.path.realpath(entry["directory"])
            for name in sorted(os.listdir(directory)) if os.path.isdir(directory) else []:
                if not fnmatch.fnmatchcase(name, entry["pattern"]) or (directory, name) in kept:
                    continue
                path = os.path.join(entry["directory"], name)
                kind = kind_of(lstat(path))
                hidden = name.startswith(".") and not entry["pattern"].startswith(".")
                if kind in ("file", "link") and not hidden:
                    diff = diff_item(path, f"{kind}\n", "absent\n")
                    changes.setdefault(os.path.join(directory, name), Change(path, entry["triggers"], [diff]))
        return list(changes.values())

    def _plan_sysctl(self) -> None:
        for name, value in self.params["sysctl"].items():
            if isinstance(value, bool) or not isinstance(value, (str, int)):
                raise HostConfigError(f"sysctl: {name}: write a number or a string instead of {value!r}.")
            wanted = " ".join(str(value).split())
            path = sysctl_path(name)
            if not os.path.isfile(path):
                if self.check_mode and not os.path.isdir(PROC_SYS):
                    continue
                raise HostConfigError(
                    f"sysctl: this kernel has no key {name!r} ({path}). Correct it, or load its module."
                )
            current = read_sysctl(path)
            if current != wanted:
                self.new_sysctl[name] = (current, wanted)

    def _report_plan(self) -> None:
        """Fill result and diff from the plan; once carried out they hold outside check mode, too."""
        self.result["created_users"] = [user["name"] for user in self.new_users]
        self.result["changed_users"] = sorted(set(self.new_groups) - set(self.result["created_users"]))
        for user in self.new_users:
            after = f"home: {user['home']}\nshell: {user['shell']}\n"
            self.diff.append(diff_item(f"user {user['name']}", "absent\n", after))
        for name, groups in self.new_groups.items():
            self.diff.append(diff_item(f"user {name}, added groups", "", "".join(f"{g}\n" for g in groups)))
        all_changes = [change for changes in self.changes.values() for change in changes]
        self.result["changed_paths"] = [change.path for change in all_changes]
        self.result["digests"] = {
            change.path: hashlib.sha256(change.entry["content"]).hexdigest()
            for change in self.changes.get("files", [])
            if isinstance(change.entry.get("content"), bytes) and not change.entry.get("sensitive")
        }
        self.result["triggers"] = sorted({word for change in all_changes for word in change.triggers})
        for change in all_changes:
            self.diff.extend(change.diff)
        self.result["changed_sysctl"] = list(self.new_sysctl)
        for name, (before, after) in self.new_sysctl.items():
            self.diff.append(diff_item(f"sysctl {name}", f"{before}\n", f"{after}\n"))

    # -- apply --

    def _apply(self) -> None:
        self._apply_users()
        for change in self.changes["directories"]:
            self._apply_directory(change.entry)
        self._apply_paths()

    def _apply_sysctl(self) -> None:
        for name, (_before, wanted) in self.new_sysctl.items():
            if not self.check_mode:
                write_sysctl(name, wanted)

    def _apply_users(self) -> None:
        for user in self.new_users:
            name = user["name"]
            argv = ["useradd", "--no-create-home", "--home-dir", user["home"], "--shell", user["shell"]]
            argv += ["--comment", user["comment"]] if user["comment"] else []
            argv += ["--system"] if user["system"] else []
            # The group may be older than the user, for example when a package left it behind.
            argv += ["--gid", name] if self.accounts.gid(name) is not None else ["--user-group"]
            demand_success(run([*argv, "--", name]), f"users: {name} could not be created")
        for name, groups in self.new_groups.items():
            done = run(["usermod", "--append", "--groups", ",".join(groups), "--", name])
            demand_success(done, f"users: {name} could not be added to {', '.join(groups)}")

    def _owner(self, entry: dict[str, Any]) -> tuple[int, int]:
        uid, gid = self.accounts.uid(entry["owner"]), self.accounts.gid(entry["group"])
        if uid is None or gid is None:
            raise HostConfigError(f"{entry['path']}: {entry['owner']}:{entry['group']} does not exist.")
        return uid, gid

    def _apply_directory(self, entry: dict[str, Any]) -> None:
        path, owner = entry["path"], self._owner(entry)
        missing = path
        parents = []
        while not os.path.isdir(os.path.dirname(missing)):
            missing = os.path.dirname(missing)
            parents.append(missing)
        for parent in reversed(parents):
            make_directory(parent, (0, 0), 0o755)
        if lstat(path) is None:
            make_directory(path, owner, entry["mode"])
        else:
            os.chown(path, *owner)
            os.chmod(path, entry["mode"])

    def _apply_paths(self) -> None:
        transaction = Transaction()
        try:
            self._place_all(transaction)
            self._validate_set()
        except BaseException as error:
            problems = transaction.rollback()
            paths = [change.path for change in self._changed_set()]
            state = "The previous files are back."
            if problems:
                state = "NOT everything could be restored: " + "; ".join(problems)
            if not isinstance(error, (HostConfigError, OSError)):
                raise
            raise HostConfigError(
                f"{describe_error(error)}\n{state} Changed paths were: {', '.join(paths)}",
                changed_paths=paths,
                **getattr(error, "details", {}),
            ) from error
        transaction.commit()

    def _changed_set(self) -> list[Change]:
        """Changes that a rollback covers and that validate looks at."""
        return [change for option in ("files", "links", "absent", "purge") for change in self.changes[option]]

    def _place_all(self, transaction: Transaction) -> None:
        staged = []
        for change in self.changes["files"]:
            entry = change.entry
            name = transaction.stage(change.path, entry["content"], self._owner(entry), entry["mode"])
            if entry["validate"]:
                self._validate_file(entry, name)
            staged.append((name, change.path))
        for name, path in staged:
            transaction.place(name, path)
        for change in self.changes["links"]:
            transaction.link(change.path, change.entry["target"])
        for change in self.changes["absent"] + self.changes["purge"]:
            transaction.remove(change.path, self._shelter(change.path))

    def _shelter(self, path: str) -> str:
        """Nearest directory that stays: a backup inside would keep its own directory from being removed."""
        removed = {change.path for change in self.changes["absent"]}
        parent = os.path.dirname(path)
        while parent in removed:
            parent = os.path.dirname(parent)
        return parent

    def _validate_file(self, entry: dict[str, Any], staged: str) -> None:
        argv = [word.replace("%s", staged) for word in entry["validate"]]
        done = run(argv)
        if done.returncode:
            raise HostConfigError(
                f"files: {entry['path']}: the new content was refused by {shlex.join(entry['validate'])} "
                f"(exit status {done.returncode}):\n{self.redact(done.stdout)}",
                rc=done.returncode,
                cmd=entry["validate"],
            )

    def _validate_set(self) -> None:
        changes = self._changed_set()
        triggers = {word for change in changes for word in change.triggers}
        for check in self.params["validate"]:
            argv = check["command"]
            if not changes or (check["triggers"] and not triggers.intersection(check["triggers"])):
                continue
            if find_executable(argv[0]) is None:
                self.result["skipped_validations"].append(shlex.join(argv))
                continue
            done = run(argv)
            if done.returncode:
                raise HostConfigError(
                    f"The new configuration was refused by {shlex.join(argv)} "
                    f"(exit status {done.returncode}):\n{self.redact(done.stdout)}",
                    rc=done.returncode,
                    cmd=argv,
                )

    # -- units --

    def _manage_units(self) -> None:
        wishes = {unit["name"]: unit for unit in self.params["units"]}
        reload_due = any(is_unit_path(path) for path in self.result["changed_paths"])
        if self.check_mode and find_executable("systemctl") is None:
            self.result["changed_units"] = [name for name, unit in wishes.items() if wants_something(unit)]
            self.result["daemon_reloaded"] = reload_due
            return
        if reload_due:
            self._daemon_reload()
        states = show_units(list(wishes))
        outdated = any(state["NeedDaemonReload"] == "yes" for state in states.values())
        if outdated and not self.result["daemon_reloaded"]:
            self._daemon_reload()
            states = states if self.check_mode else show_units(list(wishes))
        self._bring_units(wishes, states)

    def _daemon_reload(self) -> None:
        self.result["daemon_reloaded"] = True
        if not self.check_mode:
            demand_success(run(["systemctl", "daemon-reload"]), "systemctl daemon-reload failed")

    def _bring_units(self, wishes: dict[str, dict[str, Any]], states: dict[str, dict[str, str]]) -> None:
        unmask = [n for n, unit in wishes.items() if unit["masked"] is False and is_masked(states[n])]
        if unmask and not self.check_mode:
            self._systemctl("unmask", unmask)
            states = {**states, **show_units(unmask)}
        verbs: dict[str, list[str]] = {"stop": [], "disable": [], "mask": [], "enable": [], "start": []}
        for name, unit in wishes.items():
            for verb in self._verbs(unit, states[name], unmasked=name in unmask):
                verbs[verb].append(name)
        for verb, names in verbs.items():
            if names and not self.check_mode:
                if verb == "start":
                    verbs["start"] = self._start(names)
                else:
                    self._systemctl(verb, names)
        verbs["unmask"] = unmask
        for name in wishes:
            done = [verb for verb, names in verbs.items() if name in names]
            if done:
                state = states[name]
                before = f"{state['UnitFileState'] or state['LoadState']}, {state['ActiveState']}\n"
                self.diff.append(diff_item(f"unit {name}", before, f"{', '.join(done)}\n"))
                self.result["changed_units"].append(name)

    def _verbs(self, unit: dict[str, Any], state: dict[str, str], unmasked: bool) -> list[str]:
        """What has to be done to one unit."""
        name = unit["name"]
        if unit["masked"]:
            return self._verbs_of_masked(state)
        if not wants_something(unit):
            return []
        to_be_installed = self.check_mode and (unmasked or state["LoadState"] == "not-found")
        if state["LoadState"] != "loaded" and not to_be_installed:
            raise HostConfigError(unusable(name, state["LoadState"]))
        verbs = []
        running = state["ActiveState"] in RUNNING or (
            state["ActiveState"] == "activating" and state["SubState"] != "auto-restart"
        )
        if unit["state"] == "stopped" and (running or state["ActiveState"] in ("activating", "deactivating")):
            verbs.append("stop")
        if unit["state"] == "started" and not running:
            # What does not exist yet cannot be asked, and is taken to start.
            skipped = self.check_mode and state["LoadState"] == "loaded" and not conditions_hold(name)
            verbs += [] if skipped else ["start"]
        return verbs + self._enable_verbs(unit, state)

    def _enable_verbs(self, unit: dict[str, Any], state: dict[str, str]) -> list[str]:
        file_state = state["UnitFileState"]
        if unit["enabled"] and file_state in NOT_ENABLEABLE:
            self.warnings.append(
                f"{unit['name']} cannot be enabled by itself ({file_state}): something else starts it. "
                "Leave out enabled, or give the unit an [Install] section."
            )
        elif unit["enabled"] and file_state != "enabled":
            return ["enable"]
        elif unit["enabled"] is False and file_state == "enabled":
            return ["disable"]
        if self.check_mode and state["LoadState"] == "not-found" and unit["enabled"] is not None:
            return ["enable" if unit["enabled"] else "disable"]
        return []

    @staticmethod
    def _verbs_of_masked(state: dict[str, str]) -> list[str]:
        verbs = ["stop"] if state["ActiveState"] in (*RUNNING, "activating") else []
        if not is_masked(state):
            verbs += ["disable"] if state["UnitFileState"] == "enabled" else []
            verbs.append("mask")
        return verbs

    def _systemctl(self, verb: str, names: list[str]) -> None:
        done = run(["systemctl", verb, "--", *names])
        if done.returncode:
            raise HostConfigError(
                f"systemctl {verb} failed for {', '.join(names)}:\n{self.redact(done.stdout)}",
                rc=done.returncode,
            )

    def _start(self, names: list[str]) -> list[str]:
        """Start units, make sure that they run, and answer those that do."""
        done = run(["systemctl", "start", "--", *names])
        if done.returncode == 0:
            time.sleep(SETTLE_SECONDS)
        deadline = time.monotonic() + START_SECONDS
        states = show_units(names)
        while any(s["ActiveState"] == "activating" for s in states.values()) and time.monotonic() < deadline:
            time.sleep(SETTLE_SECONDS)
            states = show_units(names)
        idle = [name for name in names if not has_started(states[name])]
        skipped = [n for n in idle if states[n]["ActiveState"] == "inactive" and not conditions_hold(n)]
        for name in skipped:
            self.warnings.append(f"{name} was not started: its own conditions (Condition*= in the unit) do not hold.")
        failed = [name for name in idle if name not in skipped]
        if failed or done.returncode:
            journals = "\n".join(self._journal(name) for name in failed)
            raise HostConfigError(
                f"{', '.join(failed or names)} did not start: {self.redact(done.stdout)}\n{journals}",
                failed_units=failed,
                rc=done.returncode,
            )
        return [name for name in names if name not in skipped]

    def _journal(self, name: str) -> str:
        if find_executable("journalctl") is None:
            return ""
        # What it said just before it ended may still be on its way into the journal.
        run(["journalctl", "--sync"])
        lines = run(["journalctl", "-u", name, "-n", "30", "--no-pager"]).stdout
        return f"Last journal lines of {name}:\n{self.redact(lines)}"


# --- helpers of the plan ---


def words_of(content: bytes) -> set[str]:
    """Lines and words of a sensitive file, as another program may quote them."""
    text = content.decode(errors="replace")
    words = {line.strip() for line in text.splitlines()}
    words.update(re.split(r"[\s='\"]+", text))
    words.update(re.split(r"[\s='\":;,@/()<>]+", text))
    return {word for word in words if len(word) >= SHORTEST_SECRET}


def attributes(status: os.stat_result | None) -> tuple[int, int, int] | None:
    """Owner, group and mode."""
    return (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) if status else None


def describe(owner: str, group: str, mode: int) -> str:
    """Owner, group and mode for a diff."""
    return f"owner: {owner}\ngroup: {group}\nmode: {mode:04o}\n"


def describe_error(error: BaseException) -> str:
    """One sentence, with the path for errors of the system."""
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename2 or error.filename}: {error.strerror}."
    return str(error)


def user_name(uid: int) -> str:
    """Name of a user, or its number."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def group_name(gid: int) -> str:
    """Name of a group, or its number."""
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def is_member(account: pwd.struct_passwd, group: str) -> bool:
    """Whether a user is in a group, by its primary group or by the list."""
    try:
        found = grp.getgrnam(group)
    except KeyError:
        return False
    return account.pw_name in found.gr_mem or account.pw_gid == found.gr_gid


def demand_success(done: subprocess.CompletedProcess[str], message: str) -> None:
    """Turn a failed command into an error with its output."""
    if done.returncode:
        raise HostConfigError(f"{message}: {done.stdout.strip()}", rc=done.returncode)


def sysctl_path(name: str) -> str:
    """Path of a key; with dots as separators a slash stands for a dot within a part, as sysctl(8) has it."""
    separator = re.search(r"[./]", name)
    if separator and separator.group() == ".":
        name = name.translate(str.maketrans("./", "/."))
    if ".." in name.split("/"):
        raise HostConfigError(f"sysctl: {name!r} is not a key.")
    return os.path.join(PROC_SYS, name.lstrip("/"))


def read_sysctl(path: str) -> str:
    """Live value, with single spaces where the kernel prints tabs."""
    with open(path, encoding="utf-8") as stream:
        return " ".join(stream.read().split())


def write_sysctl(name: str, wanted: str) -> None:
    """Set a live value and make sure that the kernel took it."""
    path = sysctl_path(name)
    try:
        with open(path, "w", encoding="utf-8") as stream:
            stream.write(wanted + "\n")
    except OSError as error:
        raise HostConfigError(f"sysctl: the kernel refused {name} = {wanted}: {error.strerror}.") from error
    kept = read_sysctl(path)
    if kept != wanted:
        raise HostConfigError(f"sysctl: the kernel made {kept!r} of {name} = {wanted}. Write that value instead.")


def is_unit_path(path: str) -> bool:
    """Whether systemd reads this path."""
    real = os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))
    return any(candidate.startswith(top + "/") for top in UNIT_DIRECTORIES for candidate in (path, real))


def show_units(names: list[str]) -> dict[str, dict[str, str]]:
    """Properties of all units with one call. Aliases answer with another Id, so blocks are taken by order."""
    if not names:
        return {}
    done = run(["systemctl", "show", "--property", UNIT_PROPERTIES, "--", *names])
    blocks = [block for block in re.split(r"\n\s*\n", done.stdout.strip()) if block]
    if done.returncode or len(blocks) != len(names):
        raise HostConfigError(f"systemctl show failed for {', '.join(names)}: {done.stdout.strip()}")
    states = {}
    for name, block in zip(names, blocks):  # noqa: B905 - strict= needs Python 3.10, lengths are checked
        state = dict.fromkeys(UNIT_PROPERTIES.split(","), "")
        state.update(line.split("=", 1) for line in block.splitlines() if "=" in line)
        states[name] = state
    return states


def wants_something(unit: dict[str, Any]) -> bool:
    """Whether an entry asks for more than to be looked at."""
    return any(unit[option] is not None for option in ("enabled", "state", "masked"))


def is_masked(state: dict[str, str]) -> bool:
    """Whether a unit is masked until someone unmasks it."""
    return state["UnitFileState"] == "masked"


def conditions_hold(name: str) -> bool:
    """Whether the unit's own conditions let it start; systemctl show forgets it for idle units."""
    if find_executable("systemd-analyze") is None:
        return True
    return "Conditions failed." not in run(["systemd-analyze", "condition", f"--unit={name}"]).stdout


def has_started(state: dict[str, str]) -> bool:
    """Whether a unit runs, or is a oneshot that has done its work."""
    if state["ActiveState"] == "inactive":
        return state["Type"] == "oneshot" and state["Result"] == "success"
    return state["ActiveState"] in RUNNING


def unusable(name: str, load_state: str) -> str:
    """Say why a unit cannot be managed, and what to do."""
    remedy = {
        "not-found": "does not exist on this host. Install its package, place its file, or correct the name.",
        "masked": "is masked. Add masked: false if it shall be used.",
        "bad-setting": f"has a setting that systemd refuses. See: systemd-analyze verify {name}",
    }
    return f"units: {name} {remedy.get(load_state, f'could not be loaded by systemd ({load_state}).')}"


def sets_that_hold() -> dict[str, str]:
    """The digests of all remembered sets that the host is in keeping with, by their names."""
    found = {}
    for name, record in remembered.read().items():
        until = record.get("until")
        params = {option: [] for option in ("users", "directories", "files", "links", "absent", "purge", "units")}
        if until is None or time.time() < until:
            params.update({"sysctl": {}, "validate": [], **record["params"]})
            if HostConfig(params, check_mode=True).holds():
                found[name] = record["digest"]
    return found


def stop_cleanly(signal_number: int, _frame: Any) -> None:
    """A lost connection must not leave half a configuration behind: unwind, and restore on the way."""
    raise HostConfigError(f"Interrupted by {signal.Signals(signal_number).name}.")


def main() -> None:
    """Entry point of the module."""
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    # Nothing of this is secret by default; a created file gets its mode explicitly.
    os.umask(0o022)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop_cleanly)
    config = HostConfig(module.params, check_mode=module.check_mode, diff=module._diff)
    # The module's own parameters are echoed in its result: they must not hold the contents.
    module.params = {key: value for key, value in module.params.items() if key not in ("files", "payload", "digest")}
    try:
        result = config.run()
        result["sets"] = sets_that_hold()
    except (HostConfigError, OSError) as error:
        module.fail_json(msg=describe_error(error), **getattr(error, "details", {}))
    for warning in config.warnings:
        module.warn(warning)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
