# SPDX-License-Identifier: MIT
"""Releases on a host: what is there, how one is brought, how it becomes live."""
