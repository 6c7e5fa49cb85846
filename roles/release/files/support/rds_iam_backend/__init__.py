# SPDX-License-Identifier: MIT
"""Django's PostgreSQL backend with IAM tokens of Amazon RDS as passwords: ``ENGINE = "rds_iam_backend"``."""
