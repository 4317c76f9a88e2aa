"""A PostgreSQL of the tests' own, in a temporary directory."""

import contextlib
import glob
import os
import pwd
import shutil
import signal
import subprocess
import tempfile

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
SQL = os.environ.get("SOCIAL_SQL", os.path.join(TOP, "conf/sql"))


def programs():
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"),
                   key=lambda p: int(p.split("/")[4]))
    return os.path.dirname(found[-1]) if found else None


def missing():
    """Why there can be no cluster here, or None."""

    if programs() is None:
        return "PostgreSQL is not installed (scripts/deps does it)"
    if not glob.glob(os.path.join(SQL, "*.sql")):
        return f"there are no migrations in {SQL}"
    return None


class Cluster:
    def __init__(self):
        self.bin = programs()
        self.dir = tempfile.mkdtemp(prefix="social-pg-")
        self.process = None
        self.as_user = {}

        # initdb refuses to run as root

        if os.getuid() == 0:
            user = pwd.getpwnam("postgres")
            os.chown(self.dir, user.pw_uid, user.pw_gid)
            self.as_user = {"user": user.pw_uid, "group": user.pw_gid,
                            "extra_groups": []}

        os.chmod(self.dir, 0o755)
        self.data = os.path.join(self.dir, "data")
        self.conninfo = f"host={self.dir} user=social dbname=postgres"

        subprocess.run(
            [f"{self.bin}/initdb", "-D", self.data, "-U", "social",
             "--auth=trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"],
            check=True, stdout=subprocess.DEVNULL, cwd="/", **self.as_user)

        self.start()

        for path in sorted(glob.glob(os.path.join(SQL, "*.sql"))):
            subprocess.run(
                ["psql", "-X", "-q", "-1", "-v", "ON_ERROR_STOP=1",
                 "-d", self.conninfo, "-f", path],
                check=True, stdout=subprocess.DEVNULL)

        # what the backend connects as, with no more rights than it has

        self.role = self.conninfo.replace("user=social ",
                                          "user=social_backend ")
        subprocess.run(
            ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1",
             "-d", self.conninfo, "-c", "SELECT social_grants()",
             "-c", "ALTER ROLE social_backend LOGIN"],
            check=True, stdout=subprocess.DEVNULL)

    def start(self):
        with open(os.path.join(self.dir, "log"), "ab") as log:
            self.process = subprocess.Popen(
                [f"{self.bin}/postgres", "-D", self.data, "-k", self.dir,
                 "-c", "listen_addresses=", "-F"],
                stdout=log, stderr=log, cwd="/", **self.as_user)

        subprocess.run(
            ["bash", "-c", 'for i in {1..200}; do pg_isready -q -h "$0" '
             "&& exit 0; sleep .05; done; exit 1", self.dir], check=True)

    def stop(self):
        if self.process is not None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(timeout=30)
            self.process = None

    def signal(self, number):
        """To the server, and to the processes of its connections."""

        pid = self.process.pid

        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
            children = [int(child) for child in f.read().split()]

        for each in (pid, *children):
            # that of a connection may end meanwhile
            with contextlib.suppress(ProcessLookupError):
                os.kill(each, number)

    def hang(self):
        self.signal(signal.SIGSTOP)

    def go_on(self):
        self.signal(signal.SIGCONT)

    def remove(self):
        self.stop()
        shutil.rmtree(self.dir, ignore_errors=True)
