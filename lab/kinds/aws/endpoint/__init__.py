# SPDX-License-Identifier: MIT
"""An AWS endpoint on the loopback: moto, with what its answers lack for this product, and with the lab's hosts behind it."""
