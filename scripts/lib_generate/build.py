"""Runs the compilers and writes every generated file below a root folder."""

import pathlib
import subprocess
import tempfile

from google.protobuf import descriptor_pb2

from . import names as naming
from . import swift_conversions, swift_messages, swift_namespace, swift_services
from .layout import UNITS, WELL_KNOWN, WELL_KNOWN_ROOT
from .model import Loader


def generated_folders():
    """Folders that hold nothing but generated code."""
    return sorted({folder for unit in UNITS for folder in (unit.c_target, unit.swift_folder)})


def generate(repository, output):
    """Writes all generated code of `repository` below `output`."""
    groups = {}
    for unit in UNITS:
        groups.setdefault(unit.root, []).append(unit)
    for root, units in groups.items():
        names = [
            path.relative_to(repository / root).as_posix()
            for path in sorted((repository / root).rglob("*.proto"))
        ]
        if not names:
            continue
        if root == "proto":
            names += WELL_KNOWN
        _generate_root(repository, output, root, sorted(names))


def _generate_root(repository, output, root, names):
    descriptor_set = _descriptor_set(repository / root, names)
    loader = Loader(descriptor_set)
    files = [
        loader.file(name, f"<{name}> of libprotobuf" if name in WELL_KNOWN else f"{root}/{name}") for name in names
    ]
    _write_c(output, descriptor_set, files)
    packages = {}
    for file in files:
        folder = output / file.unit.swift_folder
        base = file.stem if file.package.startswith("muster.") else f"{file.namespace}.{file.stem}"
        for kind, writer in (
            ("messages", swift_messages), ("conversions", swift_conversions), ("services", swift_services)
        ):
            _write(folder / f"{base}.{kind}.swift", writer.write(file))
        packages.setdefault(file.package, []).append(file)
    for package, members in packages.items():
        _write(
            output / members[0].unit.swift_folder / f"{members[0].namespace}.swift",
            swift_namespace.write(package, members),
        )


def _write(path, text):
    if text is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _descriptor_set(root, names):
    """All files with their imports and comments, as protoc sees them."""
    with tempfile.TemporaryDirectory() as scratch:
        target = pathlib.Path(scratch) / "all.pb"
        subprocess.run(
            ["protoc", f"-I{root}", f"-I{WELL_KNOWN_ROOT}", "--include_imports", "--include_source_info",
             f"--descriptor_set_out={target}", *names],
            check=True,
        )
        result = descriptor_pb2.FileDescriptorSet()
        result.ParseFromString(target.read_bytes())
        return result


def _write_c(output, descriptor_set, files):
    """Runs protoc-c, once a target.

    It refuses `optional`, which we do not use, writes service code of its own, which we do not want, and
    cannot name a field `base`: the descriptors are changed accordingly first.
    """
    plain = descriptor_pb2.FileDescriptorSet()
    plain.CopyFrom(descriptor_set)
    for file in plain.file:
        file.ClearField("service")
        for message in file.message_type:
            _clear_optional(message)
            _rename_fields(message)
    with tempfile.TemporaryDirectory() as scratch:
        source = pathlib.Path(scratch) / "plain.pb"
        source.write_bytes(plain.SerializeToString(deterministic=True))
        for target in sorted({file.unit.c_target for file in files}):
            made = pathlib.Path(scratch) / "c"
            made.mkdir()
            names = [file.name for file in files if file.unit.c_target == target]
            subprocess.run(["protoc-c", f"--descriptor_set_in={source}", f"--c_out={made}", *names], check=True)
            for path in sorted(made.rglob("*.pb-c.[ch]")):
                folder = output / target / ("include" if path.suffix == ".h" else "")
                _write(folder / path.relative_to(made), path.read_text(encoding="utf-8"))
                path.unlink()
            for path in sorted(made.rglob("*"), reverse=True):
                path.rmdir()
            made.rmdir()


def _rename_fields(message):
    """C names are nobody's business but ours; the wire knows numbers only."""
    for field in message.field:
        if field.name in naming.C_MEMBERS:
            field.name = naming.c_field(field.name)
    for nested in message.nested_type:
        _rename_fields(nested)


def _clear_optional(message):
    for field in message.field:
        if field.proto3_optional:
            field.ClearField("proto3_optional")
            field.ClearField("oneof_index")
    used = sorted({field.oneof_index for field in message.field if field.HasField("oneof_index")})
    kept = [message.oneof_decl[index].name for index in used]
    if len(kept) != len(message.oneof_decl):
        del message.oneof_decl[:]
        for name in kept:
            message.oneof_decl.add(name=name)
        for field in message.field:
            if field.HasField("oneof_index"):
                field.oneof_index = used.index(field.oneof_index)
    for nested in message.nested_type:
        _clear_optional(nested)
