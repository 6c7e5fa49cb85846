# SPDX-License-Identifier: MIT
"""Backups of files by restic, as a host knows them. ``backup`` is the program of the timer; nothing here needs Ansible."""
