# SPDX-License-Identifier: MIT
"""A dump of a database that lives elsewhere becomes the database of an application.

Read first ``script`` (what pg_dump writes, read line by line) and ``dump`` (what a file is); both ask no server. ``load`` fills a copy
beside the live database and compares it with the dump, ``switch`` gives it the live one's name. ``jobs`` is what the module
postgres_import calls.
"""
