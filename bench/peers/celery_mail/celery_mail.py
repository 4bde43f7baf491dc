"""One task for each message. A worker process keeps its connection to the mail server, as ours does."""

import json
import os
import smtplib
import sys
import time
from email.message import EmailMessage
from email.utils import formatdate, make_msgid

from celery import Celery
from celery.signals import worker_ready

app = Celery("celery_mail", broker=os.environ["BENCH_REDIS_URL"])
app.conf.task_ignore_result = True
# What it prints is for the benchmark, not for a log.
app.conf.worker_redirect_stdouts = False

mail = json.loads(os.environ["BENCH_MAIL"])
connection = None


@app.task
def send(recipient):
    global connection
    if connection is None:
        connection = smtplib.SMTP("127.0.0.1", int(os.environ["BENCH_SMTP_PORT"]), "localhost")
    message = EmailMessage()
    message["From"] = mail["sender"]
    message["To"] = recipient
    message["Subject"] = mail["subject"]
    message["Date"] = formatdate()
    message["Message-ID"] = make_msgid(domain="localhost.localdomain")
    message.set_content(mail["text"])
    message.add_alternative(mail["html"], subtype="html")
    connection.send_message(message)


@worker_ready.connect
def say_ready(**_):
    print("ready", flush=True)


if __name__ == "__main__":
    # Here the clock begins: not with the start of Python.
    print(time.time(), flush=True)
    with app.producer_pool.acquire(block=True) as producer:
        for number in range(int(sys.argv[1])):
            send.apply_async((f"user{number}@example.com",), producer=producer)
