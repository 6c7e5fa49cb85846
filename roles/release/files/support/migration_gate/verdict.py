# SPDX-License-Identifier: MIT
"""What decides about pending migrations: the trial where they ran there, their text otherwise. Nothing here asks anything."""


def judge(trial, text, strict):
    """What each pending migration breaks, by the trial where it ran there, by its text otherwise.

    Args:
        trial: what release_gate.py's ``try`` said, with ``broken``: what the serving release could not do afterwards. Empty
            without one.
        text: what ``examine`` said.
        strict: the same, with what may be harmless.

    Returns:
        ``decided``, reasons by migration; ``recorded``, what a rollback will be held against: a drop that the release before
        does not meet any more breaks the one before that; and ``kinds`` of what the trial found, by migration.
    """
    if trial.get("plan") != list(text):
        trial = {}
    judged = trial.get("judged") or []
    findings = trial.get("findings") or {}
    decided = {name: list(findings.get(name) or []) if name in judged else strict[name] for name in text}
    if judged and trial.get("broken") and not any(decided.values()):
        # What no catalog shows: a function, a view's rows.
        decided[judged[-1]] = list(trial["broken"])
    recorded = {name: decided[name] or text[name] for name in text}
    return {"decided": decided, "recorded": recorded, "kinds": trial.get("kinds") or {}}
