# SPDX-License-Identifier: MIT
"""An entry of `applications` on its way to a site: schema, validate, resolve, endpoints, secrets, environment, views."""
