"""The bundle service's token is for its owner alone."""

import stat

from weighbridge.harness.bundle_server import BundleServer


def test_nobody_else_reads_the_token_and_no_link_is_followed(tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("")
    (tmp_path / "token").symlink_to(elsewhere)
    with BundleServer(tmp_path) as server:
        assert elsewhere.read_text() == ""
        assert stat.S_IMODE(server.token_file.lstat().st_mode) == 0o600
        assert len(server.token_file.read_text()) == 32
