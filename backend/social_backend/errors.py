"""Answers that are not a success, all of them JSON with a message."""

import logging

import psycopg
from flask import jsonify
from werkzeug.exceptions import HTTPException

log = logging.getLogger("social")


class Problem(Exception):
    """Becomes an answer; fields says what is wrong with each."""

    def __init__(self, status, message, fields=None, headers=None):
        super().__init__(message)
        self.status = status
        self.message = message
        self.fields = fields
        self.headers = headers or {}


def invalid(**fields):
    return Problem(422, "Some of this is not right", fields)


def unauthorized():
    return Problem(401, "Unauthorized", headers={"WWW-Authenticate": "Bearer"})


def unavailable():
    return Problem(503, "Service Unavailable", headers={"Retry-After": "2"})


def register(app):
    @app.errorhandler(Problem)
    def problem(e):
        body = {"message": e.message}
        if e.fields:
            body["fields"] = e.fields
        return jsonify(body), e.status, e.headers

    @app.errorhandler(HTTPException)
    def http(e):
        response = jsonify(message=e.name)
        response.status_code = e.code
        for name, value in e.get_headers():
            if name.lower() not in ("content-type", "content-length"):
                response.headers[name] = value
        return response

    # The server closed the connection, or cannot do more: our fault, and
    # temporary.  Its text may hold what people wrote, so the class and
    # the SQLSTATE have to do.

    @app.errorhandler(psycopg.OperationalError)
    def database(e):
        log.error("database: %s %s", type(e).__name__, e.sqlstate or "")
        return problem(unavailable())

    @app.errorhandler(Exception)
    def bug(e):
        log.error("unexpected", exc_info=e)
        return jsonify(message="Internal Server Error"), 500
