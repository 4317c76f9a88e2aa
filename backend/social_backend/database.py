"""One PostgreSQL connection for each thread, replaced when it is dead.

A connection that died while nobody used it is only noticed when it is used, so
a transaction is tried a second time on a fresh one.  For that, what is done in
it has to come to the same when it was committed already: see activities.id in
queries.py.

A server that hangs answers nothing at all, its own statement_timeout included,
so that there is a time limit here as well.  Once it was reached, one thread at
a time looks whether the server is back, and the others fail at once: otherwise
all threads would wait, and none be left for what needs no database.
"""

import selectors
import threading
import time

import psycopg
from psycopg import waiting
from psycopg.rows import dict_row

# seconds

CONNECT = 2
STATEMENT = 3
SILENT = 4
AGAIN = 1

SETTINGS = (
    f"-c statement_timeout={STATEMENT}s"
    " -c idle_in_transaction_session_timeout=10s -c timezone=UTC"
)

class Silent(psycopg.OperationalError):
    """The server has not answered in time."""


class Connection(psycopg.Connection):
    def wait(self, gen, timeout=None):
        """Runs what psycopg does without blocking, usually one statement, for
        SILENT seconds at most; then the connection is closed."""

        end = time.monotonic() + SILENT
        fd = self.pgconn.socket

        try:
            wanted = next(gen)

            with selectors.DefaultSelector() as selector:
                while True:
                    selector.register(fd, int(wanted))
                    ready = selector.select(max(0, end - time.monotonic()))
                    selector.unregister(fd)

                    if not ready:
                        self.pgconn.finish()
                        raise Silent("no answer")

                    wanted = gen.send(waiting.Ready(ready[0][1]))

        except StopIteration as e:
            return e.value


class Database:
    def __init__(self, conninfo):
        self.conninfo = conninfo
        self.local = threading.local()

        # where it is silent: when to look again, and who does

        self.again = None
        self.probe = threading.Lock()

    def connection(self):
        connection = getattr(self.local, "connection", None)

        if connection is None or connection.closed or connection.broken:
            connection = Connection.connect(
                self.conninfo,
                connect_timeout=CONNECT,
                options=SETTINGS,
                application_name="social-backend",
                row_factory=dict_row,
            )
            self.local.connection = connection

        return connection

    def run(self, work):
        """What work(cursor) returns, in its own transaction."""

        if self.again is None:
            return self.watched(work)

        if time.monotonic() < self.again \
                or not self.probe.acquire(blocking=False):
            raise Silent("no answer")

        try:
            return self.watched(work)
        finally:
            self.probe.release()

    def watched(self, work):
        try:
            result = self.twice(work)
        except (Silent, psycopg.errors.ConnectionTimeout):
            self.again = time.monotonic() + AGAIN
            raise
        except BaseException:
            self.again = None
            raise

        self.again = None
        return result

    def twice(self, work):
        fresh = getattr(self.local, "connection", None) is None

        try:
            return self.once(work)
        except Silent:
            self.local.connection = None
            raise
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
