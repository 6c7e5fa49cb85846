# SPDX-License-Identifier: MIT
"""The poolers of a host: asked, paused, pointed at another server, and resumed."""
