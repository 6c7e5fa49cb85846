# SPDX-License-Identifier: MIT
"""PostgreSQL as a host reaches it: connections, what a server should have, and what makes it so."""
