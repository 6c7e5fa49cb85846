# SPDX-License-Identifier: MIT
"""The controller's half of host_config: contents are rendered here, and what the hosts said is kept here."""
