# SPDX-License-Identifier: MIT
"""Backups, as the controller knows them: configuration, what is refused, and how they are doing."""
