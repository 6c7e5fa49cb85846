# SPDX-License-Identifier: MIT
"""What is done with an instance of RDS, decided from what RDS says of it. Pure."""
