"""Celery: a task a mail, prefork 2, Redis as the broker, a row that is updated, smtplib.

celery -A celery_peer worker ...  works; python celery_peer.py fill N | consume | rest | unsent | ping  is the other end.
Each process keeps its connections to Postgres and to the mail server, which is the best case.
"""

import json
import os
import smtplib
import sys
from email.message import EmailMessage

import psycopg2
import psycopg2.extras
from celery import Celery

QUEUE = "bench"
app = Celery("celery_peer", broker=os.environ["BENCH_REDIS_URL"])
app.conf.update(task_ignore_result=True, task_default_queue=QUEUE, worker_hijack_root_logger=False)
_open = {}


def database():
    if "database" not in _open:
        _open["database"] = psycopg2.connect(os.environ["BENCH_DATABASE_URL"])
        _open["database"].autocommit = True
    return _open["database"]


def smtp():
    if "smtp" not in _open:
        _open["smtp"] = smtplib.SMTP("127.0.0.1", int(os.environ["BENCH_SINK_PORT"]))
    return _open["smtp"]


@app.task
def deliver(mail_id, content):
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "bench@example.com", "ada@example.com", content["subject"]
    message.set_content(content["text"])
    message.add_alternative(content["html"], subtype="html")
    smtp().send_message(message)
    with database().cursor() as cursor:
        cursor.execute("UPDATE mails SET status = 'sent', sent_at = now() WHERE id = %s", (mail_id,))


def fill(count):
    content = json.loads(os.environ["BENCH_MESSAGE"])
    with database().cursor() as cursor:
        cursor.execute(
            "CREATE TABLE IF NOT EXISTS mails (id bigserial PRIMARY KEY, content jsonb NOT NULL, "
            "status text NOT NULL DEFAULT 'queued', created_at timestamptz NOT NULL DEFAULT now(), sent_at timestamptz)"
        )
        rows = [(psycopg2.extras.Json(content),)] * count
        insert = "INSERT INTO mails (content) VALUES %s RETURNING id"
        ids = psycopg2.extras.execute_values(cursor, insert, rows, fetch=True)
    with app.pool.acquire(block=True) as connection, app.amqp.Producer(connection) as producer:
        for (mail_id,) in ids:
            deliver.apply_async((mail_id, content), producer=producer)


def unsent():
    with database().cursor() as cursor:
        cursor.execute("SELECT count(*) FROM mails WHERE status <> 'sent'")
        return cursor.fetchone()[0]


if __name__ == "__main__":
    command = sys.argv[1]
    if command == "fill":
        fill(int(sys.argv[2]))
    elif command == "consume":
        app.control.add_consumer(QUEUE, reply=True)
    elif command == "rest":
        app.control.cancel_consumer(QUEUE, reply=True)
    elif command == "unsent":
        print(unsent())
    elif command == "ping":
        sys.exit(0 if app.control.ping(timeout=2) else 1)
