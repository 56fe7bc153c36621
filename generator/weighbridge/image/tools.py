"""Programs that a serving image has no use for: known by their names, and by texts that their binaries hold.

The texts were read off the real binaries of Debian 12 (bash 5.2, dash 0.5, busybox 1.35, curl 7.88, gcc 12, ...): a
program that somebody renamed still says who it is. One that was written or changed to hide is not found this way.
"""

from __future__ import annotations

import re

SHELLS = "shells"
COMPILERS = "compilers"
NETWORK = "network_tools"
PACKAGES = "package_managers"

_NAMES = {
    SHELLS: (
        "sh bash rbash dash ash zsh ksh ksh93 mksh lksh pdksh oksh loksh posh fish csh tcsh bsd-csh yash hush sash es "
        "rc nu xonsh elvish pwsh busybox toybox bash-static busybox.static zsh-static"
    ),
    COMPILERS: (
        "cc c++ c89 c99 gcc g++ cpp clang clang++ clang-cpp cc1 cc1plus cc1obj lto1 collect2 ld ld.bfd ld.gold ld.lld "
        "ld.mold mold lld gold as tcc nvcc cicc ptxas fatbinary nvlink rustc go gfortran f95 flang ifort icc icx icpx "
        "javac ghc ocamlopt dmd ldc2 zig nasm yasm hipcc swiftc kotlinc tsc gccgo gnat chicken csc"
    ),
    NETWORK: (
        "curl wget wget2 nc nc.openbsd nc.traditional ncat netcat socat telnet ssh scp sftp ftp tftp lftp ncftp aria2c "
        "axel lynx links elinks w3m rsync nmap httpie http https xh curlie dog drill"
    ),
    PACKAGES: (
        "apt apt-get aptitude apt-cache dpkg dpkg-deb apk yum dnf dnf5 microdnf tdnf rpm zypper pacman opkg ipkg snap "
        "flatpak brew nix nix-env pip pipx uv uvx poetry pdm hatch conda mamba micromamba npm npx yarn pnpm corepack "
        "gem bundle cargo easy_install emerge xbps-install slackpkg guix luarocks cpan composer"
    ),
}
_KIND = {name: kind for kind, names in _NAMES.items() for name in names.split()}
_PREFIX = re.compile(r"(?:[a-z0-9_]+-){2,3}(?=[a-z])")
_SUFFIX = re.compile(r"-?[0-9]+(?:\.[0-9]+)*\Z")
BUSYBOX = "busybox"
_MARKS: tuple[tuple[str, str, tuple[bytes, ...]], ...] = (
    (SHELLS, BUSYBOX, (b"applet not found", b"BusyBox v")),
    (SHELLS, "toybox", (b"Toybox ",)),
    (SHELLS, "bash", (b"GNU bash, version",)),
    (SHELLS, "dash", (b"EOF in backquote substitution",)),
    (SHELLS, "zsh", (b"ZSH_VERSION",)),
    (SHELLS, "ksh", (b"KSH_VERSION",)),
    (SHELLS, "fish", (b"__fish",)),
    (SHELLS, "tcsh", (b"Ambiguous output redirect",)),
    (SHELLS, "yash", (b"YASH_VERSION", b"yash")),
    (COMPILERS, "gcc", (b"COLLECT_GCC",)),
    (COMPILERS, "clang", (b"clang version",)),
    (COMPILERS, "tcc", (b"Tiny C Compiler",)),
    (COMPILERS, "ld", (b"GNU ld ", b"GNU gold")),
    (COMPILERS, "as", (b"GNU assembler version",)),
    (NETWORK, "curl", (b"curl --help",)),
    (NETWORK, "wget", (b"GNU Wget",)),
    (NETWORK, "nc", (b"[-p source_port]", b"connect to somewhere:", b"nc [-", b"NCAT_DEBUG", b"Ncat: ")),
    (NETWORK, "socat", (b"socat version",)),
    (NETWORK, "ssh", (b"ProxyUseFdpass", b"ProxyCommand=")),
    (NETWORK, "rsync", (b"rsync error:",)),
    (PACKAGES, "dpkg", (b"DPKG_ADMINDIR",)),
    (PACKAGES, "apt", (b"APT::Get", b"apt-get ")),
    (PACKAGES, "rpm", (b"RPM version",)),
    (PACKAGES, "apk", (b"apk-tools ",)),
)
OVERLAP = max(len(mark) for _, _, marks in _MARKS for mark in marks) - 1
"""Bytes that two pieces of a file must share so that no text is cut in two."""
MULTICALL = frozenset({BUSYBOX, "toybox"})
"""One binary that is shell, downloader and more, whatever names it has."""


def kind_by_name(name: str) -> str | None:
    """What a program of this name is; versions (`gcc-12`, `pip3.11`) and targets (`x86_64-linux-gnu-gcc`) count."""
    for spelled in (name, _PREFIX.sub("", name, count=1)):
        for short in (spelled, _SUFFIX.sub("", spelled)):
            if short in _KIND:
                return _KIND[short]
    return None


def marks_in(data: bytes) -> set[tuple[str, str]]:
    """`(kind, program)` of every program whose text the bytes hold."""
    return {(kind, program) for kind, program, marks in _MARKS if any(mark in data for mark in marks)}
