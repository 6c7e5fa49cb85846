#!/usr/bin/python
# SPDX-License-Identifier: MIT
"""Apply a set of users, files, links, sysctl values and systemd units in one round trip."""

from __future__ import annotations

DOCUMENTATION = r"""
module: host_config
short_description: Apply a role's users, files, links, sysctl values and units in one round trip
description:
  - Renders templates on the controller, sends the whole set at once, and brings the host to it.
  - "Order: users, directories, files and what O(prevail) changes (all are written beside their destination and pass their own
    O(files[].validate) before the first one is put in place), links, absent, purge, O(validate), sysctl,
    daemon-reload, units."
  - When a command of O(validate) fails, or anything else goes wrong while files, links and removals are put
    in place, all of these are restored exactly. Users and directories that were created stay.
  - A reload of systemd that a unit calls for is owed in the same way, without a name; the next call does it.
  - Everything is planned, and wrong arguments are refused, before the host is touched.
  - Restarting and reloading are left to handlers. RV(triggers) tells which ones are due.
  - With O(owes), what is due is on the host's disk before anything is placed. A run that is cut before its handlers, or that
    fails, leaves it to the next one, which reports the triggers again. The last handler takes it away with O(done).
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
      number_of:
        description:
          - A path on a file system that hosts share. A new user and its group get the numbers of its owner and group, where they are
            nobody's here. Empty, or a path that is not there, leaves the numbers to the system.
        type: str
        default: ''
      adopt:
        description:
          - Whether a user of this name that has another home or shell, and so was not made by this call, is taken as it is.
            With V(false) it is refused.
        type: bool
        default: true
      triggers:
        description: Words that are added to RV(triggers) when the user is created or gains a group.
        type: list
        elements: str
        default: []
  mounted:
    description: Paths that have to be mount points. Nothing is done where one of them is none.
    type: list
    elements: str
    default: []
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
      secrets:
        description: What of a sensitive file is secret. The default is every word of it, the names of hosts among them.
        type: list
        elements: str
        default: []
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
      keep:
        description: Globs for names that stay.
        type: list
        elements: str
        default: []
      aside:
        description:
          - What is appended to the name of a file instead of removing it, such as V(.set-aside). Links are removed.
        type: str
        default: ''
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
  prevail:
    description:
      - Files of this call whose settings have to be in effect. Lines of other files that set the same, and that the program
        would take instead, are commented out.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: One of O(files).
        type: str
        required: true
      main:
        description: The files that the program begins with, in the order in which it reads them. Those that they include follow.
        type: list
        elements: str
        required: true
      syntax:
        description:
          - How the program reads. Of a keyword the first value counts in C(sshd_config), and the last in C(postgresql.conf).
          - What an sshd's C(Match) sets for some connections stays.
        type: str
        choices: [postgresql, sshd]
        required: true
      triggers:
        description: Words that are added to RV(triggers) when a line was commented out.
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
  owes:
    description:
      - Name under which the host keeps what the triggers of changed entries call for, until a call with O(done) names it.
      - What is kept from an earlier run is reported in RV(owed), RV(triggers) and as a change, in check mode too.
      - With O(remember), the same name.
    type: str
  done:
    description: Names of O(owes) whose handlers have done what was due.
    type: list
    elements: str
    default: []
  payload:
    description: The contents of O(files), packed by the action plugin. Not for use in playbooks.
    type: str
  digest:
    description: What identifies what this call asks for, computed by the action plugin. Not for use in playbooks.
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
    owes: nginx
  register: __nginx_config
  notify: Reload nginx

- name: Say that nginx was reloaded, in the last of its handlers
  django_ec2.site.host_config:
    done: [nginx]

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
owed:
  description: Triggers that an earlier run left to be done. They are among RV(triggers), too.
  returned: always
  type: list
  elements: str
  sample: []
remembered:
  description: Whether the host was not asked, because an earlier call of this run found the set as it should be.
  returned: always
  type: bool
sets:
  description: The remembered sets that are as they should be, with what identifies what they ask for.
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

import os
import signal

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.django_ec2.site.plugins.module_utils.host_config.configuration import (
    HostConfig,
    sets_that_hold,
)
from ansible_collections.django_ec2.site.plugins.module_utils.host_config.errors import (
    HostConfigError,
    describe_error,
)
from ansible_collections.django_ec2.site.plugins.module_utils.host_config.spec import ARGUMENT_SPEC
from ansible_collections.django_ec2.site.plugins.module_utils.host_config.transaction import stop_cleanly


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
    for warning in config.report.warnings:
        module.warn(warning)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
