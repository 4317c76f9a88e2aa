"""Who sends a request, as far as the gateway has signed it."""

import base64
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

import jwt
from flask import current_app, g, request

from .errors import unauthorized

HEADER = "X-Social-Assertion"


@dataclass(frozen=True)
class Identity:
    issuer: str
    sub: str
    username: str | None


def load_secrets(config):
    """The secret of now and, while it is rotated, the one before it."""

    secrets = []

    for name in ("SOCIAL_ASSERTION_SECRET_FILE",
                 "SOCIAL_ASSERTION_PREVIOUS_FILE"):
        path = config.get(name)

        if not path:
            continue

        with open(path, encoding="ascii") as f:
            text = f.read().strip()

        # the same file, and so the same form, as the gateway's social_secret

        if not text.startswith("whsec_"):
            raise ValueError(f"{path} does not begin with whsec_")

        secret = base64.b64decode(text.removeprefix("whsec_"), validate=True)

        if len(secret) < 24:
            raise ValueError(f"{path} has a secret of less than 24 bytes")

        secrets.append(secret)

    if not secrets:
        raise ValueError("SOCIAL_ASSERTION_SECRET_FILE is not set")

    return secrets


def verify(token, secrets, audience):
    """The claims of a good assertion, or None."""

    for secret in secrets:
        try:
            return jwt.decode(
                token, secret,
                algorithms=["HS256"],
                audience=audience,
                leeway=5,
                options={"require": ["iss", "sub", "aud", "exp"]},
            )
        except jwt.InvalidSignatureError:
            continue
        except jwt.PyJWTError:
            return None

    return None


def current():
    """The identity of this request, or None: nobody has signed in.

    X-Social-* without an assertion are whatever somebody wrote there, and are
    ignored.  An invalid assertion is not an anonymous visit: something between
    the gateway and us is wrong, or somebody tries.
    """

    if "identity" in g:
        return g.identity

    g.identity = None
    given = request.headers.getlist(HEADER)

    if not given:
        return None

    claims = None

    if len(given) == 1:
        claims = verify(given[0], current_app.config["SECRETS"],
                        current_app.config["SOCIAL_ASSERTION_AUDIENCE"])

    if claims is None:
        raise unauthorized()

    issuer, sub = claims["iss"], claims["sub"]

    if not (isinstance(issuer, str) and issuer
            and isinstance(sub, str) and sub):
        raise unauthorized()

    # the headers beside it must not tell another story

    for h in request.headers.getlist("X-Social-Sub"):
        if decoded(h) != sub.encode():
            raise unauthorized()

    if any(h != issuer for h in request.headers.getlist("X-Social-Issuer")):
        raise unauthorized()

    username = claims.get("username")

    g.identity = Identity(
        issuer, sub, username if isinstance(username, str) else None)

    return g.identity


def decoded(header):
    """The bytes of a claim that the gateway made a header of.

    It percent-encodes all but printable ASCII, "%" itself, and a space at
    either end.  Anything else is not what it has sent, and is compared as it
    came.
    """

    try:
        return unquote_to_bytes(header.encode("ascii"))
    except UnicodeEncodeError:
        return header.encode("latin-1", "replace")


def required():
    identity = current()

    if identity is None:
        raise unauthorized()

    return identity
