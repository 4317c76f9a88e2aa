"""All the SQL there is here.  Values are parameters, always."""

FEED = 50

PERSON = "u.handle, u.display_name, u.avatar_key, u.avatar_placeholder"


def user_id(cursor, identity):
    """The row of a verified identity, made when it was not there: the hook of
    the identity provider may have been missed.  None: the account was
    deleted."""

    cursor.execute(
        "SELECT id FROM users WHERE issuer = %s AND sub = %s",
        (identity.issuer, identity.sub))

    row = cursor.fetchone()

    if row is not None:
        return row["id"]

    cursor.execute(
        "SELECT social_user_seen(%s, %s, %s) AS id",
        (identity.issuer, identity.sub, identity.username))

    return cursor.fetchone()["id"]


def user(cursor, id):
    cursor.execute(
        f"SELECT {PERSON}, u.id, u.bio, u.email, u.created_at,"
        " u.handle IS NOT DISTINCT FROM u.made_up AS handle_made_up"
        " FROM users u WHERE u.id = %s", (id,))

    return cursor.fetchone()


def user_by_handle(cursor, handle):
    cursor.execute(
        f"SELECT {PERSON}, u.id, u.bio, u.created_at"
        " FROM users u WHERE lower(u.handle) = lower(%s)", (handle,))

    return cursor.fetchone()


def lock_user(cursor, id):
    """Until the end of the transaction, others wait who want to change it."""

    cursor.execute("SELECT FROM users WHERE id = %s FOR UPDATE", (id,))


def save_user(cursor, id, handle, display_name, bio):
    cursor.execute(
        "UPDATE users SET handle = %s, display_name = %s, bio = %s"
        " WHERE id = %s", (handle, display_name, bio or None, id))


def feed(cursor):
    cursor.execute(
        f"SELECT a.id, a.user_id, a.message, a.created_at, {PERSON}"
        " FROM activities a JOIN users u ON u.id = a.user_id"
        " ORDER BY a.created_at DESC, a.id LIMIT %s", (FEED,))

    return cursor.fetchall()


def feed_of(cursor, id):
    cursor.execute(
        f"SELECT a.id, a.user_id, a.message, a.created_at, {PERSON}"
        " FROM activities a JOIN users u ON u.id = a.user_id"
        " WHERE a.user_id = %s"
        " ORDER BY a.created_at DESC LIMIT %s", (id, FEED))

    return cursor.fetchall()


def add_activity(cursor, id, user, message):
    """The id is the caller's, so that a second try does not post twice.
    Returns what has it, which may be another post."""

    cursor.execute(
        "INSERT INTO activities (id, user_id, message) VALUES (%s, %s, %s)"
        " ON CONFLICT (id) DO NOTHING", (id, user, message))

    cursor.execute(
        f"SELECT a.id, a.user_id, a.message, a.created_at, {PERSON}"
        " FROM activities a JOIN users u ON u.id = a.user_id"
        " WHERE a.id = %s", (id,))

    return cursor.fetchone()
