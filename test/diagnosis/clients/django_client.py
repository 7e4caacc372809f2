"""Django with CONN_MAX_AGE=None: every thread keeps the connection of its first request."""
import os
import re
import sys
import threading
import time
import django
from django.conf import settings
from modes import CONNECTIONS, MODE, PAUSE, STATEMENT

OPTIONS = {"application_name": os.environ["PGAPPNAME"]} if "PGAPPNAME" in os.environ else {}
settings.configure(
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": os.environ["PGDATABASE"],
            "USER": os.environ["PGUSER"],
            "PASSWORD": os.environ["PGPASSWORD"],
            "HOST": os.environ["PGHOST"],
            "PORT": os.environ["PGPORT"],
            "CONN_MAX_AGE": None,
            "OPTIONS": OPTIONS,
        }
    },
)
django.setup()
from django.db import models, transaction  # noqa: E402

done = threading.Semaphore(0)


class Row(models.Model):
    note = models.TextField()
    customer = models.IntegerField()

    class Meta:
        app_label = "scenario"
        managed = False
        db_table = re.search(r"from (\w+)", STATEMENT)[1]


def query(n):
    list(Row.objects.filter(customer=n))


def thread(n):
    if MODE == "leak-in-transaction":
        # A request that hangs in the middle of its transaction.
        with transaction.atomic():
            query(n)
            done.release()
            time.sleep(3600)
    query(n)
    done.release()
    # The thread waits for its next request.
    time.sleep(3600)


for number in range(CONNECTIONS):
    threading.Thread(target=thread, args=(number,), daemon=True).start()
    time.sleep(PAUSE)
for _ in range(CONNECTIONS):
    done.acquire()
print("ready", flush=True)
sys.stdin.read()
os._exit(0)
