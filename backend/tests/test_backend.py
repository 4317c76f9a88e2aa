"""The backend against a real PostgreSQL."""

import base64
import json
import os
import tempfile
import threading
import time
import unittest
import uuid

import jwt
import psycopg

from social_backend import create_app
from social_backend.database import Database

from . import cluster

SECRET = b"s" * 40
ISSUER = "http://idp.test/pool"


def assertion(sub_, secret=SECRET, algorithm="HS256", **change):
    claims = {"iss": ISSUER, "aud": "backend", "sub": sub_,
              "username": sub_, "groups": [], "scopes": [],
              "exp": int(time.time()) + 60}
    claims.update(change)
    claims = {name: v for name, v in claims.items() if v is not None}

    return jwt.encode(claims, secret, algorithm=algorithm)


def in_file(secret):
    return b"whsec_" + base64.b64encode(secret) + b"\n"


def signed(sub, **change):
    return {"X-Social-Sub": sub, "X-Social-Assertion": assertion(sub, **change)}


@unittest.skipIf(cluster.missing(), cluster.missing())
class BackendTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = cluster.Cluster()
        cls.addClassCleanup(cls.cluster.remove)

        secret = tempfile.NamedTemporaryFile()
        cls.addClassCleanup(secret.close)
        secret.write(in_file(SECRET))
        secret.flush()

        cls.app = create_app({
            "SOCIAL_DATABASE": cls.cluster.role,
            "SOCIAL_ASSERTION_SECRET_FILE": secret.name,
        })

    def setUp(self):
        self.client = self.app.test_client()
        self.sub = str(uuid.uuid4())
        self.me = signed(self.sub)

    def query(self, sql, *values):
        with psycopg.connect(self.cluster.conninfo) as connection:
            return connection.execute(sql, values).fetchall()

    def sync(self, sub, handle, name):
        self.query("SELECT social_user_sync(%s, %s, %s, %s, %s)",
                   ISSUER, sub, handle, f"{handle}@example.com", name)

    def named(self):
        handle = "h" + self.sub[:8]
        self.sync(self.sub, handle, "Ann Example")
        return handle

    # identity

    def test_forged_headers_are_not_believed(self):
        forged = {"X-Social-Sub": self.sub, "X-Social-Username": "admin",
                  "X-Social-Groups": "admin", "X-Social-Issuer": ISSUER}

        for method, path in (("get", "/api/profile"), ("put", "/api/profile"),
                             ("post", "/api/activities")):
            with self.subTest(path=path, method=method):
                answer = getattr(self.client, method)(
                    path, headers=forged, json={"message": "x"})
                self.assertEqual(answer.status_code, 401)
                self.assertEqual(answer.json, {"message": "Unauthorized"})

        answer = self.client.get("/api/home", headers=forged)
        self.assertEqual(answer.status_code, 200)
        self.assertIsNone(answer.json["viewer"])

        self.assertEqual(
            self.query("SELECT 1 FROM users WHERE sub = %s", self.sub), [])

    def test_bad_assertions_are_refused(self):
        now = int(time.time())
        none = jwt.encode({"iss": ISSUER, "aud": "backend", "sub": self.sub,
                           "exp": now + 60}, None, algorithm="none")

        bad = {
            "another secret": assertion(self.sub, secret=b"t" * 40),
            "another algorithm": assertion(self.sub, algorithm="HS512"),
            "alg none": none,
            "expired": assertion(self.sub, exp=now - 60),
            "no exp": assertion(self.sub, exp=None),
            "another audience": assertion(self.sub, aud="billing"),
            "no audience": assertion(self.sub, aud=None),
            "no issuer": assertion(self.sub, iss=None),
            "no subject": assertion(self.sub, sub=None),
            "an empty subject": assertion(self.sub, sub=""),
            "a subject of another type": assertion(self.sub, sub=5),
            "cut": assertion(self.sub)[:-4],
            "junk": "x.y.z",
            "empty": "",
        }

        for name, token in bad.items():
            for path in ("/api/profile", "/api/home"):
                with self.subTest(name, path=path):
                    answer = self.client.get(
                        path, headers={"X-Social-Assertion": token})
                    self.assertEqual(answer.status_code, 401)

    def test_two_assertions_are_refused(self):
        answer = self.client.get("/api/profile", headers=[
            ("X-Social-Assertion", assertion(self.sub)),
            ("X-Social-Assertion", assertion(str(uuid.uuid4())))])

        self.assertEqual(answer.status_code, 401)

    def test_headers_beside_it_must_agree(self):
        answer = self.client.get("/api/profile", headers={
            **self.me, "X-Social-Sub": str(uuid.uuid4())})
        self.assertEqual(answer.status_code, 401)

        answer = self.client.get("/api/profile", headers={
            **self.me, "X-Social-Issuer": "http://another.test"})
        self.assertEqual(answer.status_code, 401)

    def test_a_subject_in_any_letters(self):
        for sub, header in (
                ("J\u00fcrgen \u674e " + self.sub,
                 "J%C3%BCrgen%20%E6%9D%8E%20" + self.sub),
                ("a+b%2C " + self.sub, "a+b%252C " + self.sub),
                ("a,b\U0001f600" + self.sub, "a%2Cb%f0%9f%98%80" + self.sub),
                (" " + self.sub + " ", "%20" + self.sub + "%20")):
            with self.subTest(sub):
                answer = self.client.get("/api/profile", headers={
                    **signed(sub), "X-Social-Sub": header})
                self.assertEqual(answer.status_code, 200)

                self.assertEqual(
                    self.query("SELECT count(*) FROM users WHERE sub = %s",
                               sub), [(1,)])

    def test_an_encoded_subject_of_another(self):
        sub = "J\u00fcrgen" + self.sub

        for header in ("J%C3%BCrgem" + self.sub, "J%FCrgen" + self.sub,
                       "J\u00fcrgen" + self.sub, "J%25C3%25BCrgen" + self.sub,
                       "J%C3%BCrgen" + self.sub + "%00", "%", "%zz", ""):
            with self.subTest(header):
                answer = self.client.get("/api/profile", headers={
                    **signed(sub), "X-Social-Sub": header})
                self.assertEqual(answer.status_code, 401)

    def test_a_subject_with_a_space_is_another(self):
        for sub, header in ((" " + self.sub, self.sub),
                            (self.sub + " ", self.sub),
                            (self.sub, "%20" + self.sub)):
            with self.subTest(sub):
                answer = self.client.get("/api/profile", headers={
                    **signed(sub), "X-Social-Sub": header})
                self.assertEqual(answer.status_code, 401)

    def test_the_previous_secret_while_it_is_rotated(self):
        with tempfile.NamedTemporaryFile() as f:
            f.write(in_file(b"p" * 40))
            f.flush()
            app = create_app({**self.app.config,
                              "SOCIAL_ASSERTION_PREVIOUS_FILE": f.name})

        answer = app.test_client().get("/api/profile", headers={
            "X-Social-Assertion": assertion(self.sub, secret=b"p" * 40)})

        self.assertEqual(answer.status_code, 200)

    def test_a_bad_secret_is_no_start(self):
        for text in (in_file(b"short"), b"s" * 40, b"", b"whsec_%%%%"):
            with self.subTest(text), tempfile.NamedTemporaryFile() as f:
                f.write(text)
                f.flush()

                with self.assertRaises(ValueError):
                    create_app({"SOCIAL_DATABASE": "dbname=x",
                                "SOCIAL_ASSERTION_SECRET_FILE": f.name})

    # people

    def test_a_user_is_made_just_in_time(self):
        answer = self.client.get("/api/profile", headers=self.me)

        self.assertEqual(answer.status_code, 200)
        self.assertTrue(answer.json["handle"].startswith("user-"))
        self.assertEqual(
            self.query("SELECT count(*) FROM users WHERE sub = %s", self.sub),
            [(1,)])

    # what a user signs in with stays private

    PRIVATE = ("Google_108123456789012345678", "+4915112345678", "Corp_jane",
               "ann.private@example.com", "4b3f1c0e-8b60-4e5e-9a3f-2f6a2d8a7c11",
               "auth0|5f7c8ec7c33c6c004bbafe82")

    def test_private_identifiers_are_not_public(self):
        for name in self.PRIVATE:
            with self.subTest(name):
                sub = str(uuid.uuid4())
                me = signed(sub, username=name)
                own = self.client.get("/api/profile", headers=me).json

                self.assertRegex(own["handle"], r"\Auser-[0-9a-f]{16}\Z")
                self.assertEqual(own["displayName"], own["handle"])
                self.assertIs(own["handleMadeUp"], True)

                self.client.post("/api/activities", headers=me,
                                 json={"message": "x"})

                handle = own["handle"]
                public = [self.client.get(path) for path in (
                    f"/api/users/@{handle}", "/api/home")]

                for answer in public:
                    self.assertEqual(answer.status_code, 200)
                    self.assertNotIn("handleMadeUp", answer.text)
                    self.assertNotIn(sub, answer.text)
                    self.assertNotIn("email", answer.text)

                    for part in (name, name.split("@")[0], name.split("_")[-1],
                                 name.split("|")[-1]):
                        self.assertNotIn(part, answer.text)

    def test_a_private_identifier_is_nobodys_page(self):
        self.client.get("/api/profile", headers=signed(
            self.sub, username="Google_118123456789012345678"))

        for handle in ("Google_118123456789012345678", self.sub):
            answer = self.client.get(f"/api/users/@{handle}")
            self.assertEqual(answer.status_code, 404)

    def test_a_handle_is_chosen(self):
        me = signed(self.sub, username="Google_128123456789012345678")
        own = self.client.get("/api/profile", headers=me).json

        # the page's form sends all of it, whatever was changed

        own = self.client.put("/api/profile", headers=me, json={
            "handle": own["handle"], "displayName": "Ann", "bio": ""}).json
        self.assertIs(own["handleMadeUp"], True)

        handle = "c" + self.sub[:8]
        own = self.client.put("/api/profile", headers=me,
                              json={"handle": handle}).json
        self.assertEqual(own["handle"], handle)
        self.assertIs(own["handleMadeUp"], False)

        # nothing that the issuer says later takes it away

        self.sync(self.sub, "d" + self.sub[:8], "Dora")
        self.sync(self.sub, "Google_128123456789012345678", "Dora")
        own = self.client.get("/api/profile", headers=me).json
        self.assertEqual((own["handle"], own["displayName"]), (handle, "Ann"))

    def test_a_deleted_user_does_not_come_back(self):
        self.named()
        self.query("SELECT social_user_delete(%s, %s)", ISSUER, self.sub)

        answer = self.client.get("/api/profile", headers=self.me)
        self.assertEqual(answer.status_code, 403)

        answer = self.client.get("/api/home", headers=self.me)
        self.assertEqual(answer.status_code, 200)

    def test_the_same_sub_of_another_issuer_is_another(self):
        self.named()
        other = self.client.get("/api/profile", headers=signed(
            self.sub, iss="http://other.test"))

        self.assertNotEqual(other.json["displayName"], "Ann Example")

    def test_a_page_of_a_person(self):
        handle = self.named()
        answer = self.client.get(f"/api/users/@{handle.upper()}")

        self.assertEqual(answer.status_code, 200)
        self.assertEqual(answer.json["user"]["displayName"], "Ann Example")
        self.assertNotIn("email", answer.json["user"])
        self.assertEqual(answer.json["activities"], [])

    def test_nobody(self):
        for handle in ("nobody-here", "a b", "%00", "x" * 300, "..", "%"):
            with self.subTest(handle):
                answer = self.client.get(f"/api/users/@{handle}")
                self.assertEqual(answer.status_code, 404)
                self.assertIn("message", answer.json)

    def test_a_profile_is_changed(self):
        self.named()
        handle = "n" + self.sub[:8]
        answer = self.client.put("/api/profile", headers=self.me, json={
            "handle": handle, "displayName": " Änn ", "bio": "a\r\nb"})

        self.assertEqual(answer.status_code, 200)
        self.assertEqual(answer.json["displayName"], "Änn")
        self.assertEqual(answer.json["bio"], "a\nb")
        self.assertEqual(
            self.client.get(f"/api/users/@{handle}").status_code, 200)

    def test_what_is_not_given_stays(self):
        handle = self.named()
        answer = self.client.put("/api/profile", headers=self.me,
                                 json={"bio": "new"})

        self.assertEqual(answer.json["handle"], handle)
        self.assertEqual(answer.json["displayName"], "Ann Example")

    def save(self, tag, **change):
        return self.client.put("/api/profile", json=change, headers={
            **self.me, **({} if tag is None else {"If-Match": tag})})

    def test_two_changes_at_a_time(self):
        self.named()
        first = self.client.get("/api/profile", headers=self.me)
        tag = first.headers["ETag"]

        self.assertEqual(tag, f'"{first.json["version"]}"')
        self.assertEqual(self.save(tag, bio="one").status_code, 200)

        answer = self.save(tag, displayName="Other")
        self.assertEqual(answer.status_code, 412)
        self.assertEqual(answer.json,
                         {"message": "The profile was changed meanwhile"})

        now = self.client.get("/api/profile", headers=self.me)
        self.assertEqual((now.json["bio"], now.json["displayName"]),
                         ("one", "Ann Example"))

        for form in ("%s", '"x", %s', "*", "W/%s", None):
            with self.subTest(form):
                good = form and form.replace("%s", now.headers["ETag"])
                answer = self.save(good, bio=f"for {good}")
                self.assertEqual(answer.status_code, 200)
                now = answer

        for bad in ('"x"', "", now.json["version"], '"*"'):
            with self.subTest(bad):
                self.assertEqual(self.save(bad, bio="y").status_code, 412)

    def test_a_change_that_is_sent_again(self):
        self.named()
        tag = self.client.get("/api/profile", headers=self.me).headers["ETag"]

        for _ in range(2):
            self.assertEqual(self.save(tag, bio="again").status_code, 200)

    def test_a_new_picture_does_not_conflict(self):
        self.named()
        tag = self.client.get("/api/profile", headers=self.me).headers["ETag"]
        self.query("UPDATE users SET avatar_key = 'images/1/avatar.jpeg'"
                   " WHERE sub = %s RETURNING 1", self.sub)

        self.assertEqual(self.save(tag, bio="new").status_code, 200)

    def test_a_change_that_waits_for_another(self):
        self.named()
        tag = self.client.get("/api/profile", headers=self.me).headers["ETag"]
        answers = []

        def send():
            answers.append(self.app.test_client().put(
                "/api/profile", json={"bio": "mine"},
                headers={**self.me, "If-Match": tag}).status_code)

        thread = threading.Thread(target=send)

        with psycopg.connect(self.cluster.conninfo) as connection:
            connection.execute("UPDATE users SET bio = 'theirs' WHERE sub = %s",
                               [self.sub])
            thread.start()

            while self.query("SELECT count(*) FROM pg_stat_activity"
                             " WHERE wait_event_type = 'Lock'") == [(0,)]:
                self.assertTrue(thread.is_alive())

        thread.join()
        self.assertEqual(answers, [412])
        answer = self.client.get("/api/profile", headers=self.me)
        self.assertEqual(answer.json["bio"], "theirs")

    def test_bad_profiles_name_the_field(self):
        handle = self.named()
        other = str(uuid.uuid4())
        self.sync(other, "o" + other[:8], "Other")

        for field, value in (("handle", ""), ("handle", "a/b"),
                             ("handle", "é"), ("handle", "x" * 33),
                             ("handle", "x\n"), ("handle", 5),
                             ("handle", ".."), ("handle", "O" + other[:8]),
                             ("displayName", "  "), ("displayName", "x" * 81),
                             ("displayName", "a\u0000b"),
                             ("displayName", None), ("bio", ["x"]),
                             ("bio", "x" * 501)):
            with self.subTest(field, value=value):
                answer = self.client.put("/api/profile", headers=self.me,
                                         json={field: value})
                self.assertEqual(answer.status_code, 422)
                self.assertEqual(list(answer.json["fields"]), [field])

        answer = self.client.get("/api/profile", headers=self.me)
        self.assertEqual(answer.json["handle"], handle)

    def test_a_name_that_is_not_seen_or_turns_the_line(self):
        self.named()

        for value in ("\u200b", "\u200b \u2060\ufeff", "\u3164", "\u2800",
                      "\u0301", "\u00ad", "\U000e0041", "a\u202eb", "\u200fa",
                      "a\u2066b", "a\u061cb", "a\nb", "a\u2028b", "a\u0085b"):
            with self.subTest(value=ascii(value)):
                answer = self.client.put("/api/profile", headers=self.me,
                                         json={"displayName": value})
                self.assertEqual(answer.status_code, 422)
                self.assertEqual(list(answer.json["fields"]), ["displayName"])

        for value in ("\u05d0\u05d1 Ann", "\U0001f469\u200d\U0001f680",
                      "\u0e01\u0e33", "e\u0301"):
            with self.subTest(value=ascii(value)):
                answer = self.client.put("/api/profile", headers=self.me,
                                         json={"displayName": value})
                self.assertEqual(answer.json.get("displayName"), value)

    def test_a_name_of_the_identity_provider(self):
        for value, seen in (("Ann\u202e", "Ann"), ("\u2067Ann\u2069", "Ann"),
                            ("\u200b\u200b", None), ("\u3164\u202e", None)):
            with self.subTest(value=ascii(value)):
                sub = str(uuid.uuid4())
                handle = "p" + sub[:8]
                self.sync(sub, handle, value)

                # some of them the database knows by now, but older rows

                self.query("UPDATE users SET display_name = %s WHERE sub = %s"
                           " RETURNING 1", value, sub)

                answer = self.client.get(f"/api/users/@{handle}")
                self.assertEqual(answer.json["user"]["displayName"],
                                 seen or handle)

                # and something else can be changed

                answer = self.client.put("/api/profile", headers=signed(sub),
                                         json={"bio": "x"})
                self.assertEqual(answer.status_code, 200)
                self.assertEqual(answer.json["displayName"], seen or handle)

    def test_an_avatar(self):
        handle = self.named()
        self.query("UPDATE users SET avatar_key = %s, avatar_placeholder = %s"
                   " WHERE sub = %s RETURNING 1",
                   "images/1 2/avatar.jpeg", "AAAA", self.sub)

        answer = self.client.get(f"/api/users/@{handle}")
        self.assertEqual(answer.json["user"]["avatar"], {
            "path": "/images/1%202/avatar.jpeg",
            "small": "/images/1%202/small.webp", "placeholder": "AAAA"})

        # what is named in another way has no other

        for key in ("images/1/big.jpg", "images/avatar.jpg", "x/1/avatar.jpg"):
            self.query("UPDATE users SET avatar_key = %s WHERE sub = %s"
                       " RETURNING 1", key, self.sub)
            answer = self.client.get(f"/api/users/@{handle}")
            self.assertEqual(answer.json["user"]["avatar"], {
                "path": "/" + key, "small": None, "placeholder": "AAAA"})

    # activities

    def test_a_post_is_on_the_feed(self):
        self.named()
        text = "Robert'); DROP TABLE users;-- <b> % \\ 🙂"
        answer = self.client.post("/api/activities", headers=self.me,
                                  json={"message": f"  {text}\n"})

        self.assertEqual(answer.status_code, 201)
        self.assertEqual(answer.json["message"], text)
        self.assertTrue(answer.json["mine"])

        public = self.client.get("/api/home").json
        own = self.client.get("/api/home", headers=self.me).json

        self.assertIsNone(public["viewer"])
        self.assertEqual(public["activities"][0]["message"], text)
        self.assertFalse(public["activities"][0]["mine"])
        self.assertTrue(own["activities"][0]["mine"])
        self.assertEqual(own["viewer"]["displayName"], "Ann Example")
        self.assertRegex(public["activities"][0]["createdAt"], r"Z\Z")

    def posts(self, message):
        return self.query("SELECT count(*) FROM activities WHERE message = %s",
                          message)[0][0]

    def test_a_post_that_is_sent_again_is_one(self):
        id, message = str(uuid.uuid4()), f"again {self.sub}"
        answers = [self.client.post("/api/activities", headers=self.me,
                                    json={"message": message, "id": id})
                   for _ in range(3)]

        self.assertEqual([a.status_code for a in answers], [201] * 3)
        self.assertEqual([a.json for a in answers], [answers[0].json] * 3)
        self.assertEqual(answers[0].json["id"], id)
        self.assertEqual(self.posts(message), 1)

    def test_a_post_that_is_sent_twice_at_a_time_is_one(self):
        self.client.get("/api/profile", headers=self.me)
        id, message = str(uuid.uuid4()), f"twice {self.sub}"
        answers = []

        def send():
            answers.append(self.app.test_client().post(
                "/api/activities", headers=self.me,
                json={"message": message, "id": id}).status_code)

        threads = [threading.Thread(target=send) for _ in range(6)]

        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        self.assertEqual(answers, [201] * 6)
        self.assertEqual(self.posts(message), 1)

    def test_an_id_of_another_post(self):
        id, message = str(uuid.uuid4()), f"mine {self.sub}"
        self.client.post("/api/activities", headers=self.me,
                         json={"message": message, "id": id})

        for me, other in ((self.me, "something else"),
                          (signed(str(uuid.uuid4())), message),
                          (signed(str(uuid.uuid4())), "x")):
            answer = self.client.post("/api/activities", headers=me,
                                      json={"message": other, "id": id})
            self.assertEqual(answer.status_code, 409)
            self.assertEqual(list(answer.json), ["message"])

        self.assertEqual(self.posts(message), 1)

    def test_bad_ids(self):
        good = str(uuid.uuid4())

        for id in ("", "x", None, 5, good.upper() + "A", f"{{{good}}}",
                   good.replace("-", ""), good + "\n", [good],
                   "A" + good[1:]):
            with self.subTest(id=id):
                answer = self.client.post(
                    "/api/activities", headers=self.me,
                    json={"message": "x", "id": id})
                self.assertEqual(answer.status_code, 422)
                self.assertEqual(list(answer.json["fields"]), ["id"])

    def test_280_characters_not_bytes(self):
        for n, status in ((280, 201), (281, 422)):
            answer = self.client.post("/api/activities", headers=self.me,
                                      json={"message": "🙂" * n})
            self.assertEqual(answer.status_code, status)

    def test_bad_posts_name_the_field(self):
        for value in ("", "  \n ", None, 5, {}, "a\u0000", "\ud800",
                      "\u200b\u2060", "a\u009b"):
            with self.subTest(value=value):
                answer = self.client.post(
                    "/api/activities", headers=self.me,
                    data=json.dumps({"message": value}),
                    content_type="application/json")
                self.assertEqual(answer.status_code, 422)
                self.assertEqual(list(answer.json["fields"]), ["message"])

    def test_bad_bodies(self):
        for data, kind, status in ((b"{", "application/json", 422),
                                   (b"[1]", "application/json", 422),
                                   (b"\xff\xfe", "application/json", 422),
                                   (b"[" * 60000, "application/json", 422),
                                   (b"{}", "text/plain", 415),
                                   (b"{}", None, 415),
                                   (b" " * 70000, "application/json", 413)):
            with self.subTest(data=data[:5], kind=kind):
                answer = self.client.post("/api/activities", headers=self.me,
                                          data=data, content_type=kind)
                self.assertEqual(answer.status_code, status)
                self.assertIn("message", answer.json)

    # answers

    def test_errors_are_json(self):
        for method, path, status in (("get", "/api/nothing", 404),
                                     ("delete", "/api/home", 405)):
            answer = getattr(self.client, method)(path)
            self.assertEqual(answer.status_code, status)
            self.assertTrue(answer.is_json)
            self.assertIsInstance(answer.json["message"], str)

        self.assertIn("GET", self.client.delete("/api/home").headers["Allow"])

    def test_nothing_is_kept_by_caches(self):
        answer = self.client.get("/api/home")
        self.assertEqual(answer.headers["Cache-Control"], "private, no-store")

    # PostgreSQL comes and goes

    def test_an_outage(self):
        self.assertEqual(self.client.get("/api/home").status_code, 200)

        self.cluster.stop()
        try:
            for _ in range(2):
                start = time.monotonic()
                answer = self.client.get("/api/home")
                self.assertEqual(answer.status_code, 503)
                self.assertEqual(answer.json,
                                 {"message": "Service Unavailable"})
                self.assertGreater(int(answer.headers["Retry-After"]), 0)
                self.assertLess(time.monotonic() - start, 3)

            self.assertEqual(self.client.get("/api/health").status_code, 200)
        finally:
            self.cluster.start()

        self.assertEqual(self.client.get("/api/home").status_code, 200)

    def test_a_server_that_hangs(self):
        client = self.app.test_client()
        self.assertEqual(client.get("/api/ready").status_code, 200)

        def timed(path):
            start = time.monotonic()
            answer = self.app.test_client().get(path)
            return answer.status_code, time.monotonic() - start

        def together(path, n):
            found = []
            threads = [threading.Thread(
                target=lambda: found.append(timed(path))) for _ in range(n)]

            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(timeout=60)

            return found

        self.cluster.hang()
        try:
            # those with a connection, and those without

            status, took = timed("/api/home")
            self.assertEqual(status, 503)
            self.assertLess(took, 8)

            # from then on one of many waits, for a connection

            waited = 0

            while waited < 2:
                found = together("/api/home", 8)
                slow = len([took for _, took in found if took > 1.9])

                self.assertEqual([s for s, _ in found], [503] * 8)
                self.assertLessEqual(slow, 1)
                waited += slow

            self.assertEqual(client.get("/api/ready").status_code, 503)
            self.assertEqual(client.get("/api/health").status_code, 200)
        finally:
            self.cluster.go_on()

        # and it comes back by itself

        end = time.monotonic() + 60

        while client.get("/api/ready").status_code != 200:
            self.assertLess(time.monotonic(), end)
            time.sleep(0.1)

        self.assertEqual({s for s, _ in together("/api/home", 4)}, {200})

    def test_a_slow_statement_is_not_a_server_that_hangs(self):
        database = Database(self.cluster.role)

        def slow(cursor):
            cursor.execute("SELECT pg_sleep(60)")

        start = time.monotonic()

        with self.assertRaises(psycopg.errors.QueryCanceled):
            database.run(slow)

        self.assertLess(time.monotonic() - start, 20)
        self.assertIsNone(database.again)

        # several that are slow together are none either

        def several(cursor):
            for _ in range(3):
                cursor.execute("SELECT pg_sleep(1.5)")

        database.run(several)
        database.local.connection.close()

    def test_a_restart_between_two_requests_is_not_seen(self):
        self.named()
        self.client.get("/api/home")
        self.cluster.stop()
        self.cluster.start()

        answer = self.client.post("/api/activities", headers=self.me,
                                  json={"message": f"once {self.sub}"})

        self.assertEqual(answer.status_code, 201)
        self.assertEqual(self.query(
            "SELECT count(*) FROM activities WHERE message = %s",
            f"once {self.sub}"), [(1,)])


if __name__ == "__main__":
    os.chdir(os.path.join(cluster.TOP, "backend"))
    unittest.main()
