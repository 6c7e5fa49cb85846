# SPDX-License-Identifier: MIT
"""What migrations do to the release that still serves. release_gate.py beside this package is its command."""
