# SPDX-License-Identifier: MIT
"""Releases, on the controller: where their source comes from and how they are built."""
