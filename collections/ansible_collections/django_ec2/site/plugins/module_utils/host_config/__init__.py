# SPDX-License-Identifier: MIT
"""What runs on a host when a task of host_config asks it."""
