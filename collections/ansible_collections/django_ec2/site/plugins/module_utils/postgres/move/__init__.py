# SPDX-License-Identifier: MIT
"""The move of all databases of an environment to the other side, self-hosted or RDS, while the site works."""
