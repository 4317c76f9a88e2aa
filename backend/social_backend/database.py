"""One PostgreSQL connection for each thread, replaced when it is dead.

A connection that died while nobody used it is only noticed when it is used, so
a transaction is tried a second time on a fresh one.  For that, what is done in
it has to come to the same when it was committed already: see activities.id in
queries.py.
"""

import threading

import psycopg
from psycopg.rows import dict_row

SETTINGS = (
    "-c statement_timeout=5s -c idle_in_transaction_session_timeout=10s"
    " -c timezone=UTC"
)


class Database:
    def __init__(self, conninfo):
        self.conninfo = conninfo
        self.local = threading.local()

    def connection(self):
        connection = getattr(self.local, "connection", None)

        if connection is None or connection.closed or connection.broken:
            connection = psycopg.connect(
                self.conninfo,
                connect_timeout=2,
                options=SETTINGS,
                application_name="social-backend",
                row_factory=dict_row,
            )
            self.local.connection = connection

        return connection

    def run(self, work):
        """What work(cursor) returns, in its own transaction."""

        fresh = getattr(self.local, "connection", None) is None

        try:
            return self.once(work)
        except psycopg.OperationalError:
            if fresh or not self.lost():
                raise

        return self.once(work)

    def once(self, work):
        connection = self.connection()

        with connection.transaction(), connection.cursor() as cursor:
            return work(cursor)

    def lost(self):
        connection = getattr(self.local, "connection", None)

        if connection is None or not (connection.closed or connection.broken):
            return False

        self.local.connection = None
        return True
