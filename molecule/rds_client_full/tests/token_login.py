"""A Django project of one setting that logs in by token. Runs on the controller; reads steps, one a line, as JSON.

{"user": …, "key": …, "secret": …, "clock": seconds, "token_of": user}   log in anew; prints {"rows": …} or {"error": …}
"""

import datetime
import json
import os
import sys

import botocore.auth
import django
from django.conf import settings
from django.db import connection

given = json.loads(sys.argv[1])
sys.path.insert(0, given["support"])
settings.configure(
    DATABASES={
        "default": {
            "ENGINE": "rds_iam_backend", "NAME": "shop", "USER": "shop_web_iam", "HOST": given["host"], "PORT": given["port"],
            # The controller does not ask the lab's DNS.
            "OPTIONS": {
                "sslmode": "verify-full", "sslrootcert": given["ca_file"], "hostaddr": given["address"], "connect_timeout": 5
            },
        }
    }
)  # fmt: skip
django.setup()
from rds_iam_backend import base, tokens  # noqa: E402 - after the settings

real, make = botocore.auth.get_current_datetime, tokens.make

for line in sys.stdin:
    step = json.loads(line)
    os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"] = step["key"], step["secret"]
    tokens._session = None
    shift = datetime.timedelta(seconds=step.get("clock", 0))
    botocore.auth.get_current_datetime = lambda *words, shift=shift, **named: real(*words, **named) + shift
    wanted = step.get("token_of")
    tokens.make = lambda host, port, user, wanted=wanted: make(host, port, wanted or user)
    connection.close()
    connection.settings_dict["USER"] = step["user"]
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT session_user, current_user")
            print(json.dumps({"rows": cursor.fetchall()}), flush=True)
    except base.OperationalError as error:
        print(json.dumps({"error": str(error)}), flush=True)
