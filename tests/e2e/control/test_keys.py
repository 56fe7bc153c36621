"""Keys are replaced while calls are made: sidecars with the old key and with the new one answer all the time."""

import contextlib
import threading
import time

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from tests.e2e.control.operator_site import NEW, SIDECAR_TOKEN, Site, ask, run, wait_for

from weighbridge.engines.process import free_port
from weighbridge.engines.sidecar import Sidecar, SidecarSettings
from weighbridge.keys import public_pem

pytestmark = pytest.mark.engines


class Rotation(Site):
    """A site whose two keys are replaced."""

    def __init__(self, folder):
        super().__init__(folder)
        for name in ("release-2", "live-2"):
            key = self.keys[name] = ec.generate_private_key(ec.SECP256R1())
            form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
            self.key(name).write_bytes(key.private_bytes(*form))
            self.public(name).write_text(public_pem(key.public_key()))

    def compiled(self, *names):
        """The same catalogue, signed by these release keys."""
        keys = [part for name in names for part in ("--release-key", self.key(name))]
        run("compile", self.folder / "catalogue", *keys, "--output", self.folder / "bundles")

    @contextlib.contextmanager
    def trusting(self, name, release, live):
        """A sidecar that trusts these keys and asks by them."""
        folder = self.folder / name
        (folder / "state").mkdir(parents=True)
        (folder / "token").write_text(SIDECAR_TOKEN)
        settings = SidecarSettings(
            environment="prod",
            service_url=self.url,
            token_file=folder / "token",
            release_key=self.keys[release].public_key(),
            live_key=self.keys[live].public_key(),
            grpc_address=f"127.0.0.1:{free_port()}",
            state=folder / "state",
            by_key=True,
        )
        with Sidecar(settings, self.folder / "bundles" / "prod" / "guard", folder=folder) as sidecar:
            yield sidecar


class Caller:
    """Calls a sidecar all the time, and counts."""

    def __init__(self, sidecar):
        self._sidecar = sidecar
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._call, daemon=True)
        self.answered = 0
        self.refused = []

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        self._thread.join(10)

    def _call(self):
        while not self._ended.is_set():
            status, codes, route = ask(self._sidecar)
            if (status, route) == (200, NEW):
                self.answered += 1
            else:
                self.refused.append((status, codes, route))
            time.sleep(0.02)

    def goes_on(self):
        """Wait for some more calls."""
        before = self.answered
        wait_for(lambda: self.answered > before + 10 or self.refused)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    return Rotation(tmp_path_factory.mktemp("rotation")).compile()


def test_a_release_key_is_replaced_without_a_refused_call(site):
    with contextlib.ExitStack() as stack:
        stack.enter_context(site.serving(release=("release", "release-2")))
        old = stack.enter_context(site.trusting("old", "release", "live"))
        wait_for(lambda: ask(old)[0] == 200)
        calls = stack.enter_context(Caller(old))
        site.compiled("release", "release-2")
        new = stack.enter_context(site.trusting("new", "release-2", "live"))
        wait_for(lambda: ask(new)[0] == 200)
        more = stack.enter_context(Caller(new))
        calls.goes_on()
        more.goes_on()
        site.compiled("release-2")
        more.goes_on()
        calls.goes_on()
        assert (calls.refused, more.refused) == ([], [])
        assert calls.answered > 10
        assert more.answered > 10


def test_a_live_key_is_replaced_without_a_refused_call(site):
    with contextlib.ExitStack() as stack:
        with site.serving(release=("release-2",), live=("live", "live-2")):
            old = stack.enter_context(site.trusting("old-live", "release-2", "live"))
            new = stack.enter_context(site.trusting("new-live", "release-2", "live-2"))
            for sidecar in (old, new):
                wait_for(lambda sidecar=sidecar: ask(sidecar)[0] == 200)
            with Caller(old) as calls, Caller(new) as more:
                calls.goes_on()
                more.goes_on()
            assert (calls.refused, more.refused) == ([], [])
            port = site.url.rpartition(":")[2]
        # The old key is gone; who trusts the new one goes on, and who trusts the old one has what it had.
        again = site.serving(release=("release-2",), live=("live-2",), past=("live",), port=int(port))
        with again, Caller(new) as more:
            more.goes_on()
            assert more.refused == []
