# SPDX-License-Identifier: MIT
"""Filters of the role release: what a host has, what it should have, and what is said of it."""

from __future__ import annotations

from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils.release.stage import last_document
from ansible_collections.django_ec2.site.plugins.plugin_utils.release import (
    choice,
    following,
    messages,
    migrations,
    operate,
    outcome,
    published,
    releases,
    reversal,
    rollback,
    room,
    store,
    superusers,
    units,
)
from ansible_collections.django_ec2.site.plugins.plugin_utils.release.target import target_of


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Any]:
        return {
            "release_activation": releases.activation,
            "release_all_leftovers": releases.all_leftovers,
            "release_all_pending": outcome.all_pending,
            "release_anywhere_pending": releases.anywhere_pending,
            "release_asked_for": choice.asked_for,
            "release_cause": outcome.cause,
            "release_build_failures": outcome.build_failures,
            "release_buildable": outcome.buildable,
            "release_command_output": operate.command_output,
            "release_command_words": operate.command_words,
            "release_build_directory": store.directory,
            "release_builds": releases.builds,
            "release_failed": outcome.failed,
            "release_failure": messages.failure,
            "release_first_pending": releases.first_pending,
            "release_follow_description": following.description,
            "release_follow_directories": following.program_directories,
            "release_follow_files": following.program_files,
            "release_follow_once": following.once,
            "release_gate_message": migrations.gate_message,
            "release_gate_recorded": migrations.recorded,
            "release_gate_result": last_document,
            "release_leftovers": releases.leftovers,
            "release_list": messages.release_list,
            "release_locks_of_failed": outcome.locks_of_failed,
            "release_log_lines": operate.log_lines,
            "release_migrations": releases.migrations,
            "release_restore_point": releases.restore_point,
            "release_most_hosts": published.most_hosts,
            "release_notes": choice.notes,
            "release_outcome": outcome.outcome,
            "release_pending": releases.pending,
            "release_plan": choice.plan,
            "release_published": published.published,
            "release_room_problems": room.problems,
            "release_rollback_targets": rollback.of_hosts,
            "release_question": releases.question,
            "release_seen": releases.seen,
            "release_rollback_problem": reversal.rollback_problem,
            "release_services_here": units.here,
            "release_site_failure": releases.site_failure,
            "release_site_questions": releases.site_questions,
            "release_staging": releases.staging,
            "release_state_request": releases.state_request,
            "release_superuser": superusers.task,
            "release_superuser_where": superusers.where,
            "release_superusers_due": superusers.due,
            "release_target": target_of,
            "release_to_build": choice.to_build,
            "release_to_fetch": choice.to_fetch,
            "release_to_migrate": releases.to_migrate,
            "release_unknown": choice.unknown,
            "release_unit_patterns": operate.unit_patterns,
            "release_trials": migrations.trials,
            "release_databases_to_try": migrations.to_try,
            "release_wanted": releases.wanted,
            "release_words": releases.words,
            "release_with_live": choice.with_live,
        }
