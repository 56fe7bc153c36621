"""A registry that lies, breaks off, never ends, or sends us elsewhere: each refused by its own reason."""

import gzip
import io
import json
from collections.abc import Iterator

import pytest

from weighbridge.errors import InputError
from weighbridge.oci.credentials import ANONYMOUS, Credentials
from weighbridge.oci.documents import EMPTY, INDEX, MANIFEST, described, index_json, manifest_json, read_manifest
from weighbridge.oci.evidence import ENVELOPE_TYPE, fetch_evidence
from weighbridge.oci.registry import Registry
from weighbridge.oci.store import Descriptor, MissingError
from weighbridge.oci.transport import Limits

from .scripted import Scripted, endless, in_turn, reply, scripted

QUICK = Limits(attempts=3, backoff=0.01, longest_wait=0.05, connect=2, silence=5, pages=4)
ALICE = Credentials("alice", "secret")
BLOB = described(b"the right bytes", "application/x")
BLOB_PATH = f"/v2/r/blobs/{BLOB.digest}"


@pytest.fixture
def evil() -> Iterator[Scripted]:
    with scripted() as server:
        yield server


@pytest.fixture
def other() -> Iterator[Scripted]:
    """The same machine by another name: another origin."""
    with scripted("localhost") as server:
        yield server


def client(server: Scripted, credentials: Credentials = ANONYMOUS) -> Registry:
    return Registry(server.host, "r", credentials=credentials, limits=QUICK)


def serve_manifest(server: Scripted, data: bytes, *references: str, media_type: str = MANIFEST) -> Descriptor:
    descriptor = described(data, media_type)
    for reference in (*references, descriptor.digest):
        server.on("GET", f"/v2/r/manifests/{reference}", reply(data, Content_Type=media_type))
    return descriptor


class TestBlobs:
    def test_other_bytes(self, evil: Scripted) -> None:
        evil.on("GET", BLOB_PATH, reply(b"the wrong bytes"))
        with pytest.raises(InputError, match=r"has the digest sha256:\w+, expected"):
            client(evil).read(BLOB, 100)

    def test_more_bytes(self, evil: Scripted) -> None:
        evil.on("GET", BLOB_PATH, reply(b"the right bytes and more"))
        with pytest.raises(InputError, match="has more than the 15 bytes"):
            client(evil).read(BLOB, 100)

    def test_bytes_without_end(self, evil: Scripted) -> None:
        evil.on("GET", BLOB_PATH, endless())
        with pytest.raises(InputError, match="has more than the 15 bytes"):
            client(evil).read(BLOB, 100)

    def test_a_size_beyond_the_limit_is_not_even_asked_for(self, evil: Scripted) -> None:
        with pytest.raises(InputError, match="more than 10"):
            client(evil).read(BLOB, 10)
        assert evil.asked == []

    def test_broken_off_for_good(self, evil: Scripted) -> None:
        evil.on("GET", BLOB_PATH, reply(b"the right", length=15))
        with pytest.raises(InputError, match="ends after 9 bytes"):
            client(evil).read(BLOB, 100)
        assert len(evil.asked) > 1

    def test_broken_off_and_resumed(self, evil: Scripted) -> None:
        rest = reply(b" bytes", 206, Content_Range="bytes 9-14/15")
        evil.on("GET", BLOB_PATH, in_turn(reply(b"the right", length=15), rest))
        assert client(evil).read(BLOB, 100) == b"the right bytes"
        assert evil.asked[1][2]["range"] == "bytes=9-"

    def test_broken_off_by_a_server_that_begins_anew(self, evil: Scripted) -> None:
        evil.on("GET", BLOB_PATH, in_turn(reply(b"the right", length=15), reply(b"the right bytes")))
        assert client(evil).read(BLOB, 100) == b"the right bytes"

    def test_resumed_at_another_place(self, evil: Scripted) -> None:
        rest = reply(b"the right bytes", 206, Content_Range="bytes 0-14/15")
        evil.on("GET", BLOB_PATH, in_turn(reply(b"the right", length=15), rest))
        with pytest.raises(InputError, match="answered 206"):
            client(evil).read(BLOB, 100)

    def test_compressed_though_nobody_asked(self, evil: Scripted) -> None:
        evil.on("GET", BLOB_PATH, reply(gzip.compress(b"\0" * 10**6), Content_Encoding="gzip"))
        with pytest.raises(InputError, match="content coding"):
            client(evil).read(BLOB, 100)

    def test_missing(self, evil: Scripted) -> None:
        with pytest.raises(MissingError, match="is missing"):
            client(evil).read(BLOB, 100)

    def test_a_failing_server_is_asked_again(self, evil: Scripted) -> None:
        evil.on(
            "GET", BLOB_PATH, in_turn(reply(status=429, Retry_After="0"), reply(status=503), reply(b"the right bytes"))
        )
        assert client(evil).read(BLOB, 100) == b"the right bytes"

    def test_one_that_fails_for_good_is_given_up(self, evil: Scripted) -> None:
        body = json.dumps({"errors": [{"code": "UNAVAILABLE", "message": "\x1b[31mdisk"}]}).encode()
        evil.on("GET", BLOB_PATH, reply(body, 500))
        with pytest.raises(InputError, match=r"answered 500: UNAVAILABLE \\x1b\[31mdisk \(3 attempts\)"):
            client(evil).read(BLOB, 100)


class TestManifests:
    def test_without_end(self, evil: Scripted) -> None:
        evil.on("GET", "/v2/r/manifests/v1", endless(Content_Type=MANIFEST))
        with pytest.raises(InputError, match="more than 4,194,304 bytes"):
            client(evil).resolve("v1")

    def test_another_than_the_digest_asked_for(self, evil: Scripted) -> None:
        wanted = described(manifest_json(EMPTY, [], artifact_type="application/y"), MANIFEST)
        evil.on("GET", f"/v2/r/manifests/{wanted.digest}", reply(b"{}", Content_Type=MANIFEST))
        with pytest.raises(InputError, match="gives a manifest with the digest"):
            client(evil).resolve(wanted.digest)

    def test_another_than_its_own_header_says(self, evil: Scripted) -> None:
        header = f"sha256:{'0' * 64}"
        evil.on("GET", "/v2/r/manifests/v1", reply(b"{}", Content_Type=MANIFEST, Docker_Content_Digest=header))
        with pytest.raises(InputError, match="gives a manifest with the digest"):
            client(evil).resolve("v1")

    def test_swapped_under_a_tag_after_it_was_resolved(self, evil: Scripted) -> None:
        first = serve_manifest(evil, manifest_json(EMPTY, [], artifact_type="application/y"), "v1")
        resolved = client(evil).resolve("v1")
        assert resolved.digest == first.digest
        second = manifest_json(EMPTY, [EMPTY], artifact_type="application/y")
        for reference in ("v1", first.digest):
            evil.on("GET", f"/v2/r/manifests/{reference}", reply(second, Content_Type=MANIFEST))
        with pytest.raises(InputError, match="bytes that its descriptor says"):
            read_manifest(client(evil), resolved, "v1")

    @pytest.mark.parametrize("said", [INDEX, "text/html", "", "application/vnd.docker.distribution.manifest.v1+json"])
    def test_of_another_type_than_announced(self, evil: Scripted, said: str) -> None:
        data = manifest_json(EMPTY, [], artifact_type="application/y")
        evil.on("GET", "/v2/r/manifests/v1", reply(data, Content_Type=said))
        store = client(evil)
        with pytest.raises(InputError, match=r"was announced|expected a media type|which is not accepted"):
            read_manifest(store, store.resolve("v1"), "v1")

    def test_manifest_and_index_at_once(self, evil: Scripted) -> None:
        document = json.loads(manifest_json(EMPTY, [], artifact_type="application/y")) | {"manifests": []}
        serve_manifest(evil, json.dumps(document).encode(), "v1")
        store = client(evil)
        with pytest.raises(InputError, match="with manifests in it"):
            read_manifest(store, store.resolve("v1"), "v1")


class TestRedirects:
    def test_credentials_stay_with_the_registry(self, evil: Scripted, other: Scripted) -> None:
        challenge = reply(status=401, WWW_Authenticate='Basic realm="x"')
        evil.on("GET", BLOB_PATH, in_turn(challenge, reply(status=307, Location=f"http://{other.host}/b")))
        other.on("GET", "/b", reply(b"the right bytes"))
        assert client(evil, ALICE).read(BLOB, 100) == b"the right bytes"
        assert evil.authorizations() == ["Basic YWxpY2U6c2VjcmV0"]
        assert [path for _, path, _ in other.asked] == ["/b"]
        assert other.authorizations() == []

    def test_another_server_that_asks_for_credentials_gets_none(self, evil: Scripted, other: Scripted) -> None:
        evil.on("GET", BLOB_PATH, reply(status=307, Location=f"http://{other.host}/b"))
        other.on("GET", "/b", reply(status=401, WWW_Authenticate='Basic realm="x"'))
        with pytest.raises(InputError, match="answered 401"):
            client(evil, ALICE).read(BLOB, 100)
        assert evil.authorizations() + other.authorizations() == []

    @pytest.mark.parametrize(
        ("location", "reason"),
        [
            ("http://192.0.2.1/b", "without TLS"),
            ("http://169.254.169.254/latest/meta-data", "without TLS"),
            ("file:///etc/passwd", "no plain HTTP address"),
            ("https://user:pw@registry.example.com/b", "no plain HTTP address"),
            ("http://[::1", "Invalid URL"),
            ("", "redirects more than 5 times"),
        ],
    )
    def test_to_where_nothing_is_fetched_from(self, evil: Scripted, location: str, reason: str) -> None:
        evil.on("GET", BLOB_PATH, reply(status=307, Location=location))
        with pytest.raises(InputError, match=reason):
            client(evil).read(BLOB, 100)

    def test_in_circles(self, evil: Scripted, other: Scripted) -> None:
        evil.on("GET", BLOB_PATH, reply(status=307, Location=f"http://{other.host}/b"))
        other.on("GET", "/b", reply(status=307, Location=f"http://{evil.host}{BLOB_PATH}"))
        with pytest.raises(InputError, match="redirects more than 5 times"):
            client(evil).read(BLOB, 100)

    def test_an_upload_goes_to_the_registry_alone(self, evil: Scripted, other: Scripted) -> None:
        evil.on("POST", "/v2/r/blobs/uploads/", reply(status=202, Location=f"http://{other.host}/take"))
        with pytest.raises(InputError, match="sends us to another server, localhost"):
            client(evil, ALICE).put_blob(BLOB, lambda: io.BytesIO(b"the right bytes"))
        assert other.asked == []


class TestUploads:
    """A blob in chunks whose answers are lost."""

    LARGE = bytes(range(250))
    SESSION = "/v2/r/blobs/uploads/1"

    def start(self, evil: Scripted) -> tuple[Registry, Descriptor]:
        evil.on("POST", "/v2/r/blobs/uploads/", reply(status=202, Location=self.SESSION))
        limits = Limits(attempts=3, backoff=0.01, chunk=100)
        return Registry(evil.host, "r", credentials=ANONYMOUS, limits=limits), described(self.LARGE, "x/x")

    def test_go_on_where_the_registry_says_it_is(self, evil: Scripted) -> None:
        store, descriptor = self.start(evil)
        arrived = reply(status=416, Location=self.SESSION, Range="0-99")
        next_ = reply(status=202, Location=self.SESSION, Range="0-149")
        last = reply(status=202, Location=self.SESSION, Range="0-199")
        evil.on("PATCH", self.SESSION, in_turn(reply(status=500), arrived, next_, last))
        evil.on("PUT", self.SESSION, reply(status=201))
        store.put_blob(descriptor, lambda: io.BytesIO(self.LARGE))
        sent = [headers["content-range"] for method, _, headers in evil.asked if method in {"PATCH", "PUT"}]
        assert sent == ["0-99", "0-99", "100-199", "150-249"]

    @pytest.mark.parametrize("reached", ["0-0x", "", "0-400", "0-49,60-70"])
    def test_are_given_up_where_it_does_not_say_so(self, evil: Scripted, reached: str) -> None:
        store, descriptor = self.start(evil)
        evil.on("PATCH", self.SESSION, reply(status=416, Location=self.SESSION, Range=reached))
        with pytest.raises(InputError, match=r"answered 416|has 401 bytes"):
            store.put_blob(descriptor, lambda: io.BytesIO(self.LARGE))

    def test_do_not_go_round_in_circles(self, evil: Scripted) -> None:
        store, descriptor = self.start(evil)
        back = reply(status=202, Location=self.SESSION, Range="0-99")
        evil.on("PATCH", self.SESSION, back)
        with pytest.raises(InputError, match=r"has 100 bytes .* after 200 were sent"):
            store.put_blob(descriptor, lambda: io.BytesIO(self.LARGE))

    def test_whose_last_answer_was_lost_are_looked_for(self, evil: Scripted) -> None:
        store, descriptor = self.start(evil)
        path = f"/v2/r/blobs/{descriptor.digest}"
        evil.on("HEAD", path, in_turn(reply(status=404), reply(status=200)))
        evil.on("PATCH", self.SESSION, reply(status=202, Location=self.SESSION))
        evil.on("PUT", self.SESSION, reply(status=404))
        store.put_blob(descriptor, lambda: io.BytesIO(self.LARGE))

    def test_of_a_file_that_shrank_are_given_up(self, evil: Scripted) -> None:
        store, descriptor = self.start(evil)
        with pytest.raises(InputError, match=r"shorter|shrank"):
            store.put_blob(descriptor, lambda: io.BytesIO(b"short"))


class TestTokens:
    def serve(self, evil: Scripted, other: Scripted, token: bytes = b'{"token": "abc"}') -> None:
        challenge = f'Bearer realm="http://{other.host}/token",service="s,1",scope="repository:r:pull"'
        evil.on("GET", BLOB_PATH, in_turn(reply(status=401, WWW_Authenticate=challenge), reply(b"the right bytes")))
        other.on("GET", "/token", reply(token))
        other.on("POST", "/token", reply(token))

    def test_are_fetched_with_the_password_and_used(self, evil: Scripted, other: Scripted) -> None:
        self.serve(evil, other)
        assert client(evil, ALICE).read(BLOB, 100) == b"the right bytes"
        assert other.asked[0][1] == "/token?service=s%2C1&scope=repository%3Ar%3Apull"
        assert other.authorizations() == ["Basic YWxpY2U6c2VjcmV0"]
        assert evil.authorizations() == ["Bearer abc"]

    def test_are_fetched_by_anybody_where_that_is_enough(self, evil: Scripted, other: Scripted) -> None:
        self.serve(evil, other, b'{"access_token": "abc"}')
        assert client(evil).read(BLOB, 100) == b"the right bytes"
        assert other.authorizations() == []

    def test_are_fetched_with_an_identity_token(self, evil: Scripted, other: Scripted) -> None:
        self.serve(evil, other)
        assert client(evil, Credentials(identity_token="refresh")).read(BLOB, 100) == b"the right bytes"
        assert other.asked[0][0] == "POST"
        assert other.authorizations() == []

    @pytest.mark.parametrize("token", [b"{}", b"[]", b'{"token": "a\\r\\nX: y"}', b'{"token": 1}', b"", b"x" * 300_000])
    def test_that_are_none_are_refused(self, evil: Scripted, other: Scripted, token: bytes) -> None:
        self.serve(evil, other, token)
        with pytest.raises(InputError):
            client(evil).read(BLOB, 100)
        assert evil.authorizations() == []

    def test_are_not_asked_for_without_tls(self, evil: Scripted) -> None:
        challenge = 'Bearer realm="http://192.0.2.1/token"'
        evil.on("GET", BLOB_PATH, reply(status=401, WWW_Authenticate=challenge))
        with pytest.raises(InputError, match=r"sends us to 192\.0\.2\.1 without TLS"):
            client(evil, ALICE).read(BLOB, 100)


class TestReferrers:
    def served(self, evil: Scripted) -> tuple[Descriptor, Descriptor]:
        """A subject, and an envelope that refers to it."""
        subject = serve_manifest(evil, manifest_json(EMPTY, [], artifact_type="application/y"), "v1")
        envelope = b'{"payload": "", "payloadType": "x", "signatures": []}'
        layer = described(envelope, ENVELOPE_TYPE)
        evil.on("GET", f"/v2/r/blobs/{layer.digest}", reply(envelope))
        data = manifest_json(EMPTY, [layer], artifact_type=ENVELOPE_TYPE, subject=subject)
        return subject, serve_manifest(evil, data)

    def listed(self, *entries: Descriptor | dict) -> bytes:
        return index_json([entry if isinstance(entry, dict) else entry.document() for entry in entries])

    def test_come_from_all_pages(self, evil: Scripted) -> None:
        subject, referrer = self.served(evil)
        path = f"/v2/r/referrers/{subject.digest}"
        evil.on("GET", path, reply(self.listed(), Content_Type=INDEX, Link='</v2/r/next?n=1>; rel="next"'))
        evil.on("GET", "/v2/r/next", reply(self.listed(referrer), Content_Type=INDEX))
        (found,) = fetch_evidence(client(evil), subject.digest)
        assert found.source == referrer.digest
        assert json.loads(found.data)["payloadType"] == "x"

    def test_are_read_though_the_list_gives_them_another_type(self, evil: Scripted) -> None:
        subject, referrer = self.served(evil)
        lied = referrer.document() | {"artifactType": "application/vnd.oci.empty.v1+json"}
        evil.on("GET", f"/v2/r/referrers/{subject.digest}", reply(self.listed(lied), Content_Type=INDEX))
        assert len(fetch_evidence(client(evil), subject.digest)) == 1

    def test_of_something_else_are_refused(self, evil: Scripted) -> None:
        subject, referrer = self.served(evil)
        mine = f"sha256:{'1' * 64}"
        evil.on("GET", f"/v2/r/referrers/{mine}", reply(self.listed(referrer), Content_Type=INDEX))
        with pytest.raises(InputError, match=f"is listed as a referrer of {mine} but refers to {subject.digest}"):
            fetch_evidence(client(evil), mine)

    def test_that_are_not_there_are_refused(self, evil: Scripted) -> None:
        subject, referrer = self.served(evil)
        gone = referrer.document() | {"digest": f"sha256:{'2' * 64}"}
        evil.on("GET", f"/v2/r/referrers/{subject.digest}", reply(self.listed(gone), Content_Type=INDEX))
        with pytest.raises(InputError, match="is missing"):
            fetch_evidence(client(evil), subject.digest)

    @pytest.mark.parametrize("change", [{"size": 5}, {"digest": "md5:1"}, {"size": -1}, {"mediaType": 3}])
    def test_with_a_descriptor_that_lies_are_refused(self, evil: Scripted, change: dict) -> None:
        subject, referrer = self.served(evil)
        listed = self.listed(referrer.document() | change)
        evil.on("GET", f"/v2/r/referrers/{subject.digest}", reply(listed, Content_Type=INDEX))
        with pytest.raises(InputError):
            fetch_evidence(client(evil), subject.digest)

    @pytest.mark.parametrize(
        ("link", "reason"),
        [
            ("</v2/r/referrers/SELF>; rel=next", "lead in circles"),
            ("<http://192.0.2.1/x>; rel=next", "TLS|another server"),
        ],
    )
    def test_whose_pages_lead_astray_are_refused(self, evil: Scripted, link: str, reason: str) -> None:
        subject, _ = self.served(evil)
        link = link.replace("SELF", subject.digest)
        evil.on("GET", f"/v2/r/referrers/{subject.digest}", reply(self.listed(), Content_Type=INDEX, Link=link))
        with pytest.raises(InputError, match=reason):
            fetch_evidence(client(evil), subject.digest)

    def test_without_end_are_refused(self, evil: Scripted) -> None:
        subject, _ = self.served(evil)
        for page in range(9):
            path = f"/v2/r/page{page}" if page else f"/v2/r/referrers/{subject.digest}"
            link = f'</v2/r/page{page + 1}>; rel="next"'
            evil.on("GET", path, reply(self.listed(), Content_Type=INDEX, Link=link))
        with pytest.raises(InputError, match="more than 4 pages"):
            fetch_evidence(client(evil), subject.digest)

    def test_under_a_fallback_tag_that_is_no_index_are_refused(self, evil: Scripted) -> None:
        subject, _ = self.served(evil)
        tag = subject.digest.replace(":", "-")
        serve_manifest(evil, manifest_json(EMPTY, [], artifact_type="application/y"), tag)
        with pytest.raises(InputError, match=r"where application/vnd\.oci\.image\.index"):
            fetch_evidence(client(evil), subject.digest)

    def test_a_page_for_people_is_no_list(self, evil: Scripted) -> None:
        """A server that answers everything with its own page knows no referrers API; the tag counts then."""
        subject, referrer = self.served(evil)
        evil.on("GET", f"/v2/r/referrers/{subject.digest}", reply(b"<html>", Content_Type="text/html"))
        serve_manifest(evil, self.listed(referrer), subject.digest.replace(":", "-"), media_type=INDEX)
        assert len(fetch_evidence(client(evil), subject.digest)) == 1

    def test_under_the_tag_count_beside_those_of_the_api(self, evil: Scripted) -> None:
        subject, referrer = self.served(evil)
        evil.on("GET", f"/v2/r/referrers/{subject.digest}", reply(self.listed(), Content_Type=INDEX))
        serve_manifest(evil, self.listed(referrer), subject.digest.replace(":", "-"), media_type=INDEX)
        assert len(fetch_evidence(client(evil), subject.digest)) == 1

    def test_are_not_written_twice_where_the_registry_lists_them(self, evil: Scripted) -> None:
        subject, _ = self.served(evil)
        data = manifest_json(EMPTY, [EMPTY], artifact_type="application/z", subject=subject)
        path = f"/v2/r/manifests/{described(data, MANIFEST).digest}"
        evil.on("PUT", path, reply(status=201, OCI_Subject=subject.digest))
        client(evil).put_referrers(subject, [data])
        assert [method for method, _, _ in evil.asked] == ["PUT"]

    def test_a_conditional_write_that_came_too_late_is_done_again(self, evil: Scripted) -> None:
        subject, referrer = self.served(evil)
        tag = f"/v2/r/manifests/{subject.digest.replace(':', '-')}"
        data = manifest_json(EMPTY, [EMPTY], artifact_type="application/z", subject=subject)
        mine = described(data, MANIFEST)
        evil.on("PUT", f"/v2/r/manifests/{mine.digest}", reply(status=201))
        one = reply(self.listed(referrer), Content_Type=INDEX, ETag='"1"')
        both = reply(self.listed(referrer, mine), Content_Type=INDEX, ETag='"2"')
        evil.on("GET", tag, in_turn(one, one, both))
        evil.on("PUT", tag, in_turn(reply(status=412), reply(status=201)))
        client(evil).put_referrers(subject, [data])
        assert [headers.get("if-match") for method, path, headers in evil.asked if (method, path) == ("PUT", tag)] == [
            '"1"',
            '"1"',
        ]

    def test_a_list_that_another_overwrites_after_it_was_seen_is_mended(self, evil: Scripted) -> None:
        subject, referrer = self.served(evil)
        tag = f"/v2/r/manifests/{subject.digest.replace(':', '-')}"
        data = manifest_json(EMPTY, [EMPTY], artifact_type="application/z", subject=subject)
        mine = described(data, MANIFEST)
        evil.on("PUT", f"/v2/r/manifests/{mine.digest}", reply(status=201))
        lists = ((), (mine,), (referrer,), (referrer, mine))
        evil.on("GET", tag, in_turn(*(reply(self.listed(*entries), Content_Type=INDEX) for entries in lists)))
        written: list[bytes] = []
        evil.on("PUT", tag, lambda handler: (written.append(handler.body), reply(status=201)(handler)))
        client(evil).put_referrers(subject, [data])
        assert [len(json.loads(index)["manifests"]) for index in written] == [1, 2]
