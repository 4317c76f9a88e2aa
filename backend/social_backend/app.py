"""The routes, and what their answers look like."""

import hashlib
import json
import os
import re
import uuid
from urllib.parse import quote

import psycopg
from flask import Flask, jsonify, request

from . import errors, identity, queries, text
from .database import Database
from .errors import Problem, invalid

HANDLE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,31}\Z")

# as the page makes them, and PostgreSQL writes them

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")

# The first variant of a picture, and beside it one for lists: "small" of
# social-worker's configuration, which is 96 pixels wide.

AVATAR = re.compile(r"(images/[^/]+/)avatar\.[a-z]+\Z")
SMALL = "small.webp"

# bytes of a body

LONGEST = 64 * 1024

SETTINGS = ("SOCIAL_DATABASE", "SOCIAL_ASSERTION_SECRET_FILE",
            "SOCIAL_ASSERTION_PREVIOUS_FILE", "SOCIAL_ASSERTION_AUDIENCE")


def create_app(config=None):
    app = Flask(__name__, static_folder=None)

    app.config["SOCIAL_ASSERTION_AUDIENCE"] = "backend"
    app.config.update(
        {name: os.environ[name] for name in SETTINGS if name in os.environ})
    app.config.update(config or {})

    if not app.config.get("SOCIAL_DATABASE"):
        raise ValueError("SOCIAL_DATABASE is not set")

    app.config["SECRETS"] = identity.load_secrets(app.config)
    app.json.ensure_ascii = False

    database = Database(app.config["SOCIAL_DATABASE"])

    errors.register(app)

    @app.after_request
    def headers(response):
        # what one person sees must not be another's, in any cache

        response.headers.setdefault("Cache-Control", "private, no-store")
        return response

    @app.get("/api/health")
    def health():
        return jsonify(status="ok")

    # for who asks whether requests can be answered, not only accepted

    @app.get("/api/ready")
    def ready():
        database.run(lambda cursor: cursor.execute("SELECT 1"))
        return jsonify(status="ready")

    @app.get("/api/home")
    def home():
        who = identity.current()

        def work(cursor):
            mine = queries.user_id(cursor, who) if who else None
            viewer = queries.user(cursor, mine) if mine else None
            return viewer, mine, queries.feed(cursor)

        viewer, mine, rows = database.run(work)

        return jsonify(
            viewer=person(viewer) if viewer else None,
            activities=[activity(row, mine) for row in rows])

    @app.post("/api/activities")
    def post():
        who = identity.required()
        given = body()
        message = text.field(given, "message", 280, blank=False)
        id = given.get("id", str(uuid.uuid4()))

        if not (isinstance(id, str) and UUID.match(id)):
            raise invalid(id="is not a UUID in lower case")

        def work(cursor):
            mine = own(cursor, who)
            row = queries.add_activity(cursor, id, mine, message)

            # the same again is the same; what is another's stays unseen

            if row["user_id"] != mine or row["message"] != message:
                raise Problem(409, "This id is that of another post")

            return mine, row

        mine, row = database.run(work)

        return jsonify(activity(row, mine)), 201

    @app.get("/api/users/@<handle>")
    def user(handle):
        who = identity.current()

        # PostgreSQL has no text with a NUL in it, for one

        if not HANDLE.match(handle):
            raise Problem(404, "Nobody has this handle")

        def work(cursor):
            found = queries.user_by_handle(cursor, handle)

            if found is None:
                raise Problem(404, "Nobody has this handle")

            mine = queries.user_id(cursor, who) if who else None
            return found, mine, queries.feed_of(cursor, found["id"])

        found, mine, rows = database.run(work)

        return jsonify(
            user=profile(found),
            activities=[activity(row, mine) for row in rows])

    @app.get("/api/profile")
    def own_profile():
        who = identity.required()
        row = database.run(lambda c: queries.user(c, own(c, who)))

        return tagged(private(row))

    @app.put("/api/profile")
    def save_profile():
        who = identity.required()
        given = body()

        def work(cursor):
            id = own(cursor, who)
            queries.lock_user(cursor, id)
            row = queries.user(cursor, id)

            # what is not there stays as it is

            handle = given.get("handle", row["handle"])

            if not (isinstance(handle, str) and HANDLE.match(handle)):
                raise invalid(handle="may have 1 to 32 letters, digits, dots,"
                                     " dashes and underscores")

            # one that came from an identity provider is corrected, not refused

            name = text.field(
                given, "displayName", 80, blank=False, line=True,
                default=text.name(row["display_name"], row["handle"]))
            bio = text.field(given, "bio", 500, default=row["bio"] or "")

            # What is there already is not another's change: the answer to
            # the first try may have been lost.

            seen = private(row)

            if (handle, name, bio) != (seen["handle"], seen["displayName"],
                                       seen["bio"]):
                matched(seen["version"])

            queries.save_user(cursor, id, handle, name, bio)

            return queries.user(cursor, id)

        try:
            row = database.run(work)
        except psycopg.errors.UniqueViolation:
            raise invalid(handle="is taken") from None

        return tagged(private(row))

    return app


def own(cursor, who):
    id = queries.user_id(cursor, who)

    if id is None:
        raise Problem(403, "This account was deleted")

    return id


def body():
    if not request.is_json:
        raise Problem(415, "The body has to be application/json")

    # Debian's Werkzeug looks at MAX_CONTENT_LENGTH for forms only

    data = request.stream.read(LONGEST + 1)

    if len(data) > LONGEST:
        raise Problem(413, "The body is too large")

    try:
        given = json.loads(data)
    except (ValueError, RecursionError):
        given = None

    if not isinstance(given, dict):
        raise invalid(body="is not a JSON object")

    return given


def person(row):
    key = row["avatar_key"]
    beside = AVATAR.match(key or "")

    return {
        "handle": row["handle"],
        "displayName": text.name(row["display_name"], row["handle"]),
        "avatar": {
            "path": "/" + quote(key),
            "small": "/" + quote(beside[1] + SMALL) if beside else None,
            "placeholder": row["avatar_placeholder"],
        } if key else None,
    }


def profile(row):
    return {
        **person(row),
        "bio": row["bio"] or "",
        "createdAt": moment(row["created_at"]),
    }


def private(row):
    """What only its owner sees of a profile.  Its version is that of what can
    be changed: a new picture does not conflict with a new name."""

    seen = {
        **profile(row),
        "email": row["email"],
        "handleMadeUp": row["handle_made_up"],
    }

    seen["version"] = hashlib.sha256(json.dumps(
        [seen["handle"], seen["displayName"], seen["bio"]]).encode()
    ).hexdigest()[:32]

    return seen


def tagged(seen):
    response = jsonify(seen)
    response.set_etag(seen["version"])
    return response


def matched(version):
    """Problem 412 if the client has changed something else than what is there
    (RFC 9110, section 13.1.1).  nginx makes a tag weak when it compresses, so
    that weak ones match here."""

    given = request.headers.get("If-Match")

    if given is None:
        return

    tags = {tag.strip().removeprefix("W/") for tag in given.split(",")}

    if given.strip() != "*" and f'"{version}"' not in tags:
        raise Problem(412, "The profile was changed meanwhile")


def activity(row, mine):
    return {
        "id": str(row["id"]),
        "message": row["message"],
        "createdAt": moment(row["created_at"]),
        "user": person(row),
        "mine": mine is not None and row["user_id"] == mine,
    }


def moment(value):
    return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
