# SPDX-License-Identifier: MIT
"""The options of modules that ask a server of an application whether it serves: ``QUESTION_SPEC`` of checks.py in words."""

from __future__ import annotations


class ModuleDocFragment:
    """What ``extends_documentation_fragment`` takes in."""

    DOCUMENTATION = r"""
options:
  protocol:
    description: In which protocol it is asked on its socket, a packet of variables or HTTP.
    type: str
    choices: [packet, http]
    default: packet
  host:
    description: The name that the question asks for, one of those that the application accepts.
    type: str
    required: true
  health_path:
    description: Path that has to answer with 200 (a path of V(/) may also answer with a redirect or ask for a login).
    type: str
    default: /
  checks:
    description: Further paths that are asked once it serves.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: Path, with its query.
        type: str
        required: true
      status:
        description: The status that is expected; V(0) is any below 500.
        type: int
        default: 0
      text:
        description: What the page has to contain.
        type: str
        default: ""
"""
