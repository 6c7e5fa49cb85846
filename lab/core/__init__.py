# SPDX-License-Identifier: MIT
"""What every lab needs, whatever its hosts play: containers, network, names, SSH files, and the life cycle of hosts."""
