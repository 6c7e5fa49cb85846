# SPDX-License-Identifier: MIT
"""Restoring a cluster from its pgBackRest repository: beside the live one, into a scratch copy, or for a drill.

Read first ``targets`` (what is asked for) and ``repository`` (which backup and timeline follow from it); both are pure. ``clusters`` makes
clusters beside the live one, ``recover`` fills one, ``switch`` puts it in the live one's place. ``drill`` is the program of the timer.
Nothing here needs Ansible.
"""
