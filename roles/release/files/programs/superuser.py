# SPDX-License-Identifier: MIT
"""Make the administrator of an application, or change the one who is there, by Django's API.

Runs inside a release, by its own Python and as the application's user: the module release_superuser hands it over. A project may
have a command `createsuperuser` of its own, so none is called.
"""

from django.contrib.auth import get_user_model
from django.core.exceptions import FieldDoesNotExist

MADE, CHANGED, KEPT, REFUSED = "made", "changed", "kept", "refused"


def answer(given):
    """Bring the administrator to what is given.

    Args:
        given: ``username``, ``email``, ``password``, ``fields`` (further ones of the user model), ``update`` (whether one who is
            there gets this mail address and password), and ``check`` (whether to say alone what would be done).

    Returns:
        ``done``, one of the words above, ``username``, and ``why`` where it was refused.
    """
    model = get_user_model()
    manager = model._default_manager
    key = model.USERNAME_FIELD
    name = given["email"] if key == model.get_email_field_name() else given["username"]
    found = manager.filter(**{key: name}).first()
    done = _change(found, given) if found else _make(model, manager, name, given)
    return {"username": name, **done}


def _make(model, manager, name, given):
    values = {model.USERNAME_FIELD: name, **given["fields"]}
    email = model.get_email_field_name()
    if _has(model, email):
        values[email] = given["email"]
    missing = [field for field in model.REQUIRED_FIELDS if field not in values]
    if missing:
        return {"done": REFUSED, "why": f"the user model asks for {', '.join(missing)} too: add {_example(missing)}"}
    if not hasattr(manager, "create_superuser"):
        return {"done": REFUSED, "why": "the manager of the user model has no create_superuser()"}
    if not given["check"]:
        manager.create_superuser(password=given["password"], **values)
    return {"done": MADE}


def _change(user, given):
    if not getattr(user, "is_superuser", True):
        # Whoever registered that name would become an administrator with a password of his own.
        return {"done": REFUSED, "why": "a user of that name is there who is no superuser: choose another username"}
    if not given["update"]:
        return {"done": KEPT}
    if not given["check"]:
        user.set_password(given["password"])
        email = type(user).get_email_field_name()
        if _has(type(user), email):
            setattr(user, email, given["email"])
        for field, value in given["fields"].items():
            setattr(user, field, value)
        user.save()
    return {"done": CHANGED}


def _has(model, field):
    try:
        model._meta.get_field(field)
    except FieldDoesNotExist:
        return False
    return True


def _example(missing):
    return "superuser: {fields: {" + ", ".join(f"{field}: …" for field in missing) + "}}"
