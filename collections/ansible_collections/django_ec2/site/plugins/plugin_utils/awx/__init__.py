# SPDX-License-Identifier: MIT
"""The objects of AWX: what awx/objects/ says, what AWX has, and what lies between the two."""
