"""The two builds, and the profile between them."""

from __future__ import annotations

import hashlib
import pathlib
import shutil
import tempfile

from lib_bench import load, servers
from lib_bench.errors import BenchError
from lib_release import toolchain, training
from lib_release.toolchain import Toolchain

PROGRAMS = ("muster", "muster-region", "muster-pserv", "muster-load", "rpc-echo")
COMMON = ("-c", "release", "--static-swift-stdlib")
# Only lld reads what the compiler leaves for the linker to optimise. The driver of Swift 6.3 knows the options for profiles,
# but does not tell the compiler of them.
LINKER = ("-Xswiftc", "-use-ld=lld")


def programs(repository: pathlib.Path, names: tuple[str, ...]) -> dict[str, pathlib.Path]:
    """Builds programs and says where they are. Raises BenchError when a step fails."""
    tools = toolchain.find()
    profile = make_profile(repository, tools)
    flags = ("--experimental-lto-mode=full", *frontend(f"-ir-profile-use={profile}"))
    return build(repository, "release-optimised", names, flags)


def make_profile(repository: pathlib.Path, tools: Toolchain) -> pathlib.Path:
    """A profile of the sources as they are. It is made again when the programs or the load changed.

    Its name is its contents, so that what was built with another is built again.
    """
    folder = repository / ".build" / "release-profiles"
    folder.mkdir(parents=True, exist_ok=True)
    flags = (*frontend("-ir-profile-generate"), "-Xlinker", "-u", "-Xlinker", "__llvm_profile_runtime",
             "-Xlinker", str(tools.runtime))
    instrumented = build(repository, "release-instrumented", training.PROGRAMS, flags)
    known = folder / f"{digest(*instrumented.values(), *map(pathlib.Path, (__file__, training.__file__, load.__file__)))}.made"
    if known.exists() and (profile := folder / known.read_text()).is_file():
        return profile
    # Those of other sources.
    for old in folder.iterdir():
        old.unlink()
    with tempfile.TemporaryDirectory(prefix="profile.") as scratch:
        raw = training.run(instrumented, pathlib.Path(scratch))
        merged = pathlib.Path(scratch) / "merged"
        # Sparse: what the load did not touch is built as if there were no profile, not as if it were never used.
        servers.run([str(tools.profdata), "merge", "--sparse", "-o", str(merged), *map(str, raw)])
        profile = folder / f"{digest(merged)}.profdata"
        shutil.copyfile(merged, profile)
    known.write_text(profile.name)
    return profile


def build(repository: pathlib.Path, scratch: str, names: tuple[str, ...], flags: tuple[str, ...]) -> dict[str, pathlib.Path]:
    made = {}
    for name in names:
        print(f"building {name} ({scratch})", flush=True)
        command = ["swift", "build", "--package-path", str(repository), "--scratch-path", str(repository / ".build" / scratch),
                   *COMMON, *LINKER, *flags]
        servers.run([*command, "--product", name])
        made[name] = pathlib.Path(servers.run([*command, "--show-bin-path"], quiet=True).strip()) / name
        if not made[name].is_file():
            raise BenchError(f"{made[name]} is missing")
    return made


def frontend(option: str) -> tuple[str, ...]:
    return ("-Xswiftc", "-Xfrontend", "-Xswiftc", option)


def digest(*files: pathlib.Path) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]
