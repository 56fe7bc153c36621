"""Likely secrets: found by their form or by the file's name, and told by kind. What was found is never repeated.

The forms are the issuers' own (prefix, length, alphabet), narrow enough that program text does not match. Only what
lies open is found: not what is compressed, encrypted or encoded in another way.
"""

from __future__ import annotations

import re

SCANNED = 4 * 1024 * 1024
"""Bytes of a file that are looked at, from its beginning."""
_END = rb"(?![A-Za-z0-9_])"
_PATTERNS: tuple[tuple[str, bytes, re.Pattern[bytes]], ...] = tuple(
    (kind, literal, re.compile(pattern))
    for kind, literal, pattern in (
        ("aws-access-key", b"AKIA", rb"(?<![A-Za-z0-9])AKIA(?!.{9}EXAMPLE)[A-Z2-7]{16}" + _END),
        ("aws-access-key", b"ASIA", rb"(?<![A-Za-z0-9])ASIA(?!.{9}EXAMPLE)[A-Z2-7]{16}" + _END),
        (
            "aws-secret-key",
            b"aws_secret_access_key",
            rb"aws_secret_access_key[\"']?[ \t]{0,8}[=:][ \t]{0,8}[\"']?(?!.{33}EXAMPLE)[A-Za-z0-9/+]{40}",
        ),
        ("azure-storage-key", b"AccountKey=", rb"AccountKey=[A-Za-z0-9+/]{86}=="),
        ("google-api-key", b"AIza", rb"(?<![A-Za-z0-9])AIza[0-9A-Za-z_-]{35}(?![0-9A-Za-z_-])"),
        ("github-token", b"gh", rb"(?<![A-Za-z0-9])gh[pousr]_[A-Za-z0-9]{36,255}" + _END),
        ("github-token", b"github_pat_", rb"github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}" + _END),
        ("gitlab-token", b"glpat-", rb"glpat-[A-Za-z0-9_-]{20,64}"),
        ("huggingface-token", b"hf_", rb"(?<![A-Za-z0-9_])hf_[A-Za-z]{34}" + _END),
        ("huggingface-token", b"api_org_", rb"(?<![A-Za-z0-9_])api_org_[A-Za-z]{34}" + _END),
        ("openai-key", b"T3BlbkFJ", rb"sk-[A-Za-z0-9_-]{16,128}T3BlbkFJ[A-Za-z0-9_-]{16,128}"),
        ("anthropic-key", b"sk-ant-", rb"sk-ant-[a-z]{3,8}[0-9]{2}-[A-Za-z0-9_-]{80,128}"),
        ("slack-token", b"xox", rb"(?<![A-Za-z0-9])xox[abprs]-[0-9]{8,16}-[0-9A-Za-z-]{10,128}"),
        ("stripe-key", b"_live_", rb"(?<![A-Za-z0-9])[sr]k_live_[0-9a-zA-Z]{24,128}" + _END),
        ("npm-token", b"npm_", rb"(?<![A-Za-z0-9_])npm_[A-Za-z0-9]{36}" + _END),
        ("pypi-token", b"pypi-AgEIcHlwaS5vcmc", rb"pypi-AgEIcHlwaS5vcmc[A-Za-z0-9_-]{50,512}"),
        ("docker-token", b"dckr_pat_", rb"dckr_pat_[A-Za-z0-9_-]{27}"),
        (
            "jwt",
            b".eyJ",
            rb"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{16,2048}\.eyJ[A-Za-z0-9_-]{16,8192}\.[A-Za-z0-9_-]{32,1024}",
        ),
        (
            "weighbridge-key",
            b"wb_",
            rb"(?<![A-Za-z0-9_])wb_[a-z0-9.-]{1,63}_[a-z0-9]{8}_[A-Za-z0-9_-]{43}(?![A-Za-z0-9_-])",
        ),
    )
)  # fmt: skip
_PRIVATE_KEY = re.compile(rb"-----BEGIN (?:[A-Z0-9]{2,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----")
_KEY_BODY = re.compile(rb"[A-Za-z0-9+/]{40}")
_KEY_WINDOW = 1024
_PASSWORD_HASH = re.compile(rb"(?m)^[^:\n]{1,64}:\$[0-9a-z]{1,8}\$[^:\n]{8,}")
_NAMED: tuple[tuple[re.Pattern[str], str, re.Pattern[bytes]], ...] = tuple(
    (re.compile(path), kind, re.compile(content))
    for path, kind, content in (
        (r"(^|/)[._]netrc$", "netrc", rb"password\s"),
        (r"(^|/)\.git-credentials$", "git-credentials", rb"://[^\s/]{1,256}@"),
        (r"(^|/)\.pgpass$", "database-password", rb"(?m)^[^#\n]*:[^:\n]+$"),
        (
            r"(^|/)\.docker/config\.json$|(^|/)\.dockercfg$",
            "registry-login",
            rb"\"(auth|identitytoken)\"\s*:\s*\"[^\"]{4,}",
        ),
        (r"(^|/)\.kube/config$|kubeconfig", "kubeconfig", rb"(client-key-data|token):\s*\S{8,}"),
        (r"(^|/)\.aws/credentials$", "aws-credentials", rb"aws_secret_access_key|aws_session_token"),
        (
            r"gcloud/(application_default_credentials\.json|credentials\.db|access_tokens\.db)$",
            "google-credentials",
            rb".",
        ),
        (r"(^|/)\.azure/(accessTokens|msal_token_cache)\.(json|bin)$", "azure-credentials", rb"."),
        (r"(^|/)\.?huggingface/(token|stored_tokens)$", "huggingface-token", rb"\S{8,}"),
        (r"(^|/)\.npmrc$", "npm-token", rb"_(authToken|password|auth)\s*="),
        (
            r"(^|/)(\.pypirc|pip\.conf|\.condarc|\.yarnrc(\.yml)?)$",
            "index-password",
            rb"(?i)password\s*[:=]|://[^\s/:@]+:[^\s/@]+@",
        ),
        (r"(^|/)\.vault-token$", "vault-token", rb"\S{8,}"),
        # Bounded everywhere, so that no file can make the search slow.
        (
            r"(^|/)\.env(\.[a-z]+)?$",
            "dotenv",
            rb"(?im)^[^#\n]{0,64}(secret|token|passwo?r?d|api_?key)\w{0,64}[ \t]{0,8}=[ \t]{0,8}[\"']?[^\s\"']{8}",
        ),
        (r"(^|/)id_(rsa|dsa|ecdsa|ed25519)(_sk)?$", "private-key", rb"."),
        (r"\.(p12|pfx|jks|keystore|kdbx|ppk)$", "key-store", rb"."),
        (r"(^|/)(var/)?run/secrets/", "mounted-secret", rb"\S"),
    )
)  # fmt: skip


def secrets_in(data: bytes) -> set[str]:
    """Kinds of the secrets whose form occurs in the bytes."""
    found = {kind for kind, literal, pattern in _PATTERNS if literal in data and pattern.search(data)}
    if b"PRIVATE KEY" in data and any(
        _KEY_BODY.search(data, match.end(), match.end() + _KEY_WINDOW) for match in _PRIVATE_KEY.finditer(data)
    ):
        found.add("private-key")
    return found


def secrets_in_file(path: str, data: bytes) -> set[str]:
    """Kinds of the secrets in a file, by its contents and by its path.

    Args:
        path: in the image, without a leading `/`.
        data: the file's first `SCANNED` bytes.
    """
    found = secrets_in(data)
    found |= {kind for name, kind, content in _NAMED if name.search(path) and content.search(data)}
    if path.endswith(("etc/shadow", "etc/shadow-", "etc/passwd")) and _PASSWORD_HASH.search(data):
        found.add("password-hash")
    return found


def redacted(data: bytes) -> bytes:
    """The bytes with every secret in them replaced by its kind in brackets."""
    for kind, literal, pattern in _PATTERNS:
        if literal in data:
            data = pattern.sub(b"[%s]" % kind.encode(), data)
    return b"[private-key]" if "private-key" in secrets_in(data) else data
