# SPDX-License-Identifier: MIT
"""The lab: Podman containers that boot systemd and sshd and stand for EC2 instances."""
