# SPDX-License-Identifier: MIT
"""Backups by pgBackRest, as a host knows them."""
