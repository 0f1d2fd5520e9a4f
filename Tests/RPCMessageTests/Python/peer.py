"""The other side of the round trips: python's protobuf, from the same proto files.

peer.py make FOLDER SEED COUNT    writes FOLDER/from_python: COUNT random messages of every type, each as its
                                  name, its octets and a text of its fields
peer.py check FOLDER SEED COUNT   compares FOLDER/from_swift, the same messages encoded by Swift
peer.py make-newer, check-newer   the same with a contract that has more fields in every message, without the text
peer.py reflect FOLDER            loads FOLDER/descriptors, file descriptors as reflection hands them out
"""

import importlib
import pathlib
import random
import struct
import subprocess
import sys

REPOSITORY = pathlib.Path(__file__).resolve().parents[3]
sys.dont_write_bytecode = True
sys.path.insert(0, str(REPOSITORY / "scripts"))

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory  # noqa: E402
from google.protobuf.descriptor import FieldDescriptor as F  # noqa: E402
from lib_generate import names  # noqa: E402

F_PROTO = descriptor_pb2.FieldDescriptorProto

PACKAGES = ("muster", "bench", "grpc", "google/rpc")
WELL_KNOWN = ("any", "duration", "empty", "field_mask", "timestamp")


def modules(folder):
    """Python modules of all proto files, compiled into the folder."""
    made = folder / "python"
    made.mkdir(exist_ok=True)
    roots = [REPOSITORY / "proto", REPOSITORY / "Tests/RPCMessageTests/Protos"]
    files = [path.relative_to(root) for root in roots for path in sorted(root.rglob("*.proto"))]
    subprocess.run(
        ["protoc", *(f"-I{root}" for root in roots), "-I/usr/include", f"--python_out={made}", *map(str, files)],
        check=True,
    )
    sys.path.insert(0, str(made))
    # `google` is a package of the system already; ours stands beside it.
    import google

    google.__path__.append(str(made / "google"))
    found = [str(file.with_suffix("")).replace("/", ".") + "_pb2" for file in files]
    found += [f"google.protobuf.{name}_pb2" for name in WELL_KNOWN]
    return [importlib.import_module(name) for name in sorted(found)]


def message_types(folder):
    def nested(descriptor):
        if not descriptor.GetOptions().map_entry:
            yield descriptor
            for each in descriptor.nested_types:
                yield from nested(each)

    for module in modules(folder):
        for descriptor in module.DESCRIPTOR.message_types_by_name.values():
            for each in nested(descriptor):
                yield each.full_name, each._concrete_class


def newer_types(folder):
    """The same messages with more fields, of every shape, in the gaps of their numbers and at the end of all numbers."""
    pool, added = descriptor_pool.DescriptorPool(), set()

    def add(file):
        if file.name in added:
            return
        added.add(file.name)
        for each in file.dependencies:
            add(each)
        newer = descriptor_pb2.FileDescriptorProto()
        file.CopyToProto(newer)
        for message in newer.message_type:
            extend(message, f".{newer.package}.{message.name}")
        pool.Add(newer)

    for module in modules(folder):
        add(module.DESCRIPTOR)
    factory = message_factory.MessageFactory(pool)
    for name, _ in message_types(folder):
        yield name, factory.GetPrototype(pool.FindMessageTypeByName(name))


def extend(message, path):
    if message.options.map_entry:
        return
    for nested in message.nested_type:
        extend(nested, f"{path}.{nested.name}")
    del message.reserved_range[:]
    taken = {field.number for field in message.field}
    free = (number for number in range(1, 2**29) if number not in taken)
    last = next(number for number in range(2**29 - 1, 0, -1) if number not in taken)
    part = message.nested_type.add(name="NewerPart")
    part.field.add(name="count", number=1, type=F.TYPE_SINT32, label=F.LABEL_OPTIONAL)
    part.field.add(name="content", number=2, type=F.TYPE_BYTES, label=F.LABEL_OPTIONAL)

    def new(kind, label=F.LABEL_OPTIONAL, number=None, **more):
        number = number or next(free)
        field = F_PROTO(name=f"newer_{number}", number=number, type=kind, label=label, **more)
        if kind == F.TYPE_MESSAGE:
            field.type_name = f"{path}.NewerPart"
        return field

    fields = []
    oneofs = [field.oneof_index if is_choice(field) else None for field in message.field]
    for place, field in enumerate(message.field):
        fields.append(field)
        # A choice's fields stand together.
        if oneofs[place] is not None and oneofs[place] not in oneofs[place + 1:]:
            fields.append(new(F.TYPE_STRING, oneof_index=field.oneof_index))
            fields.append(new(F.TYPE_MESSAGE, oneof_index=field.oneof_index))
    for kind in (F.TYPE_INT64, F.TYPE_STRING, F.TYPE_FIXED32, F.TYPE_MESSAGE):
        fields.append(new(kind))
    for kind in (F.TYPE_UINT64, F.TYPE_BYTES, F.TYPE_MESSAGE):
        fields.append(new(kind, F.LABEL_REPEATED))
    fields.append(new(F.TYPE_DOUBLE, number=last))
    fields = [F_PROTO.FromString(field.SerializeToString()) for field in fields]
    del message.field[:]
    message.field.extend(fields)


def is_choice(field):
    """Whether it belongs to a `oneof` that somebody wrote."""
    return field.HasField("oneof_index") and not field.proto3_optional


EDGES = {
    F.CPPTYPE_INT32: (0, 1, -1, 127, 128, -(2**31), 2**31 - 1),
    F.CPPTYPE_INT64: (0, 1, -1, 2**35, -(2**63), 2**63 - 1),
    F.CPPTYPE_UINT32: (0, 1, 127, 128, 2**32 - 1),
    F.CPPTYPE_UINT64: (0, 1, 2**48 - 1, 2**64 - 1),
    F.CPPTYPE_DOUBLE: (0.0, 1.0, -2.5, float("inf"), 5e-324),
    F.CPPTYPE_FLOAT: (0.0, 1.0, -2.5, float("-inf"), 0.15625),
    F.CPPTYPE_BOOL: (False, True),
}
LETTERS = "abz09 ~é€ßЖ中𝄞\u0001\u007f\u0080\u07ff\u0800\uffff\U00010000\U0010ffff"


def random_value(source, field):
    if field.cpp_type in EDGES:
        return source.choice(EDGES[field.cpp_type])
    if field.cpp_type == F.CPPTYPE_ENUM:
        return source.choice([value.number for value in field.enum_type.values] + [77])
    if field.type == F.TYPE_BYTES:
        return source.randbytes(source.choice((0, 1, 5, 300)))
    return "".join(source.choice(LETTERS) for _ in range(source.choice((0, 1, 7, 40))))


def is_map(field):
    return field.message_type is not None and field.message_type.GetOptions().map_entry


def fill(source, message):
    for field in message.DESCRIPTOR.fields:
        if source.random() < 0.3:
            continue
        if is_map(field):
            key, value = field.message_type.fields
            for _ in range(source.choice((0, 1, 5))):
                target = getattr(message, field.name)
                if value.message_type:
                    fill(source, target[random_value(source, key)])
                else:
                    target[random_value(source, key)] = random_value(source, value)
        elif field.label == F.LABEL_REPEATED:
            target = getattr(message, field.name)
            for _ in range(source.choice((0, 1, 3, 20))):
                fill(source, target.add()) if field.message_type else target.append(random_value(source, field))
        elif field.message_type:
            child = getattr(message, field.name)
            child.SetInParent()
            fill(source, child)
        else:
            setattr(message, field.name, random_value(source, field))


def text(message):
    """All fields by their Swift names, in the order of the file."""
    parts, seen = [], set()
    for field in message.DESCRIPTOR.fields:
        oneof = field.containing_oneof
        if oneof is None:
            parts.append(f"{label(field.name)}={field_text(message, field)}")
        elif oneof.name not in seen:
            seen.add(oneof.name)
            chosen = message.WhichOneof(oneof.name)
            value = "-"
            if chosen:
                by_name = message.DESCRIPTOR.fields_by_name[chosen]
                value = f"{label(chosen)}({value_text(getattr(message, chosen), by_name)})"
            parts.append(f"{label(oneof.name)}={value}")
    return "{" + ",".join(parts) + "}"


def label(name):
    return names.swift_identifier(names.lower_camel(name)).strip("`")


def field_text(message, field):
    value = getattr(message, field.name)
    if is_map(field):
        key_field, value_field = field.message_type.fields
        entries = sorted(f"{value_text(key, key_field)}:{value_text(value[key], value_field)}" for key in value)
        return "<" + ",".join(entries) + ">"
    if field.label == F.LABEL_REPEATED:
        return "[" + ",".join(value_text(each, field) for each in value) + "]"
    if field.message_type:
        return value_text(value, field) if message.HasField(field.name) else "-"
    return value_text(value, field)


def value_text(value, field):
    if field.message_type:
        return text(value)
    if field.type == F.TYPE_STRING:
        return "s" + value.encode().hex()
    if field.type == F.TYPE_BYTES:
        return "x" + value.hex()
    if field.type == F.TYPE_BOOL:
        return "true" if value else "false"
    if field.type == F.TYPE_DOUBLE:
        return "d" + struct.pack(">d", value).hex()
    if field.type == F.TYPE_FLOAT:
        return "f" + struct.pack(">f", value).hex()
    return str(value)


def messages(types, seed, count):
    source = random.Random(seed)
    for name, kind in types:
        for _ in range(count):
            message = kind()
            fill(source, message)
            yield name, message


def write_records(path, records):
    with open(path, "wb") as file:
        for record in records:
            for part in record:
                file.write(struct.pack(">I", len(part)) + part)


def read_parts(path):
    data, position = path.read_bytes(), 0
    while position < len(data):
        (length,) = struct.unpack_from(">I", data, position)
        yield data[position + 4 : position + 4 + length]
        position += 4 + length


def make(folder, seed, count):
    write_records(
        folder / "from_python",
        (
            (name.encode(), message.SerializeToString(deterministic=True), text(message).encode())
            for name, message in messages(message_types(folder), seed, count)
        ),
    )


def check(folder, seed, count):
    parts, checked = read_parts(folder / "from_swift"), 0
    for (name, message), swift_name, octets in zip(messages(message_types(folder), seed, count), parts, parts):
        assert name.encode() == swift_name, (name, swift_name)
        returned = type(message).FromString(octets)
        assert returned == message, f"{name}: sent {message!r}, got {returned!r}"
        # Python writes map entries in full, libprotobuf-c leaves out zeros; both are the same message.
        if not any(is_map(field) for field in message.DESCRIPTOR.fields) and "ErrorInfo" not in name:
            assert octets == message.SerializeToString(deterministic=True), name
        checked += 1
    assert next(parts, None) is None and checked > 0
    print(checked)


def make_newer(folder, seed, count):
    write_records(
        folder / "from_python",
        (
            (name.encode(), message.SerializeToString(deterministic=True))
            for name, message in messages(newer_types(folder), seed, count)
        ),
    )


def check_newer(folder, seed, count):
    """What went through a reader of the older contract is still the message it was."""
    parts, checked = read_parts(folder / "from_swift"), 0
    for (name, message), swift_name, octets in zip(messages(newer_types(folder), seed, count), parts, parts):
        assert name.encode() == swift_name, (name, swift_name)
        returned = type(message).FromString(octets)
        assert returned == message, f"{name}: sent {message!r}, got {returned!r}"
        checked += 1
    assert next(parts, None) is None and checked > 0
    print(checked)


def reflect(folder):
    pool = descriptor_pool.DescriptorPool()
    parts = read_parts(folder / "descriptors")
    waiting = [descriptor_pb2.FileDescriptorProto.FromString(each) for each in parts]
    known = set()
    while waiting:
        ready = [each for each in waiting if set(each.dependency) <= known]
        assert ready, [each.name for each in waiting]
        for each in ready:
            pool.Add(each) if each.name not in known else None
            known.add(each.name)
        waiting = [each for each in waiting if each.name not in known]
    service = pool.FindServiceByName("muster.v1.NodeService")
    print(service.methods_by_name["GetNode"].output_type.full_name)


if __name__ == "__main__":
    command, place = sys.argv[1], pathlib.Path(sys.argv[2])
    {
        "make": make, "check": check, "make-newer": make_newer, "check-newer": check_newer, "reflect": reflect
    }[command](place, *map(int, sys.argv[3:]))
