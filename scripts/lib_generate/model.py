"""A descriptor set as plain values with the names of both languages."""

import dataclasses
from dataclasses import dataclass

from google.protobuf import descriptor_pb2

from . import names
from .layout import unit_for

# Every field of these packages says what it means: they are the contract.
COMMENTED = "muster."
# Fields of one message.
FIELDS_MAX = 128

F = descriptor_pb2.FieldDescriptorProto

SCALARS = {
    F.TYPE_DOUBLE: "Double", F.TYPE_FLOAT: "Float",
    F.TYPE_INT64: "Int64", F.TYPE_SINT64: "Int64", F.TYPE_SFIXED64: "Int64",
    F.TYPE_UINT64: "UInt64", F.TYPE_FIXED64: "UInt64",
    F.TYPE_INT32: "Int32", F.TYPE_SINT32: "Int32", F.TYPE_SFIXED32: "Int32",
    F.TYPE_UINT32: "UInt32", F.TYPE_FIXED32: "UInt32",
}


@dataclass
class Value:
    """The type of one element of a field: `kind` is scalar, bool, string, bytes, enum or message."""

    kind: str
    swift: str
    # C type, for enums and messages.
    c: str = ""
    # Case with the number 0, for enums.
    zero: str = ""
    # For messages: whether another unit owns it, so that its C struct is passed as a raw pointer.
    is_foreign: bool = False

    @property
    def default(self):
        if self.kind == "scalar":
            return "0"
        return {"bool": "false", "string": '""', "bytes": "[]", "enum": f".{self.zero}", "message": "nil"}[self.kind]


@dataclass
class Field:
    name: str
    number: int
    comment: str
    value: Value
    repeated: bool = False
    # Key, value and full name of the entry message, for maps.
    map: tuple = None

    @property
    def swift(self):
        return names.swift_identifier(names.lower_camel(self.name))

    @property
    def c(self):
        return names.c_field(self.name)

    @property
    def swift_type(self):
        if self.map:
            return f"[{self.map[0].swift}: {self.map[1].swift}]"
        if self.repeated:
            return f"[{self.value.swift}]"
        return self.value.swift + ("?" if self.value.kind == "message" else "")

    @property
    def default(self):
        if self.map:
            return "[:]"
        return "[]" if self.repeated else self.value.default


@dataclass
class Oneof:
    name: str
    comment: str
    fields: list

    @property
    def swift(self):
        return names.swift_identifier(names.lower_camel(self.name))

    @property
    def c_case(self):
        return self.name.lower() + "_case"

    @property
    def type_name(self):
        return "OneOf" + names.camel(self.name)


@dataclass
class Enum:
    full_name: str
    name: str
    comment: str
    # (case, short name, number, comment)
    cases: list


@dataclass
class Message:
    full_name: str
    name: str
    # Swift path, for example MusterV1.Node.
    swift: str
    comment: str
    # Fields and oneofs in the order of the file.
    members: list = dataclasses.field(default_factory=list)
    messages: list = dataclasses.field(default_factory=list)
    enums: list = dataclasses.field(default_factory=list)

    @property
    def c(self):
        return names.c_type(self.full_name)

    @property
    def field_names(self):
        result = []
        for member in self.members:
            result += [each.name for each in member.fields] if isinstance(member, Oneof) else [member.name]
        return result

    def flattened(self):
        """The message and the messages nested in it."""
        return [self] + [each for nested in self.messages for each in nested.flattened()]


@dataclass
class Method:
    name: str
    comment: str
    request: str
    response: str
    client_streaming: bool
    server_streaming: bool

    @property
    def swift(self):
        return names.swift_identifier(names.lower_camel(self.name))

    @property
    def kind(self):
        if self.client_streaming:
            return "bidirectional" if self.server_streaming else "clientStreaming"
        return "serverStreaming" if self.server_streaming else "unary"


@dataclass
class Service:
    full_name: str
    name: str
    comment: str
    methods: list


@dataclass
class File:
    name: str
    package: str
    unit: object
    # Where the file came from, for its header.
    source: str
    dependencies: list
    messages: list
    enums: list
    services: list
    # Serialized FileDescriptorProto without comments.
    serialized: bytes
    # Full names of all that reflection can be asked for.
    symbols: list

    @property
    def namespace(self):
        return names.swift_namespace(self.package)

    @property
    def stem(self):
        return self.name.rsplit("/", 1)[-1].removesuffix(".proto")


class Loader:
    """Turns a FileDescriptorSet into `File`s."""

    def __init__(self, descriptor_set):
        self.descriptors = {}
        # Full name → (descriptor, Swift path)
        self.types = {}
        # Full name → name of its file
        self.homes = {}
        for file in descriptor_set.file:
            self.descriptors[file.name] = file
            scope = names.swift_namespace(file.package)
            for message in file.message_type:
                self._register(message, file.package, scope, file.name)
            for enum in file.enum_type:
                self._register(enum, file.package, scope, file.name)
        self._refuse_recursion()

    def _register(self, descriptor, parent, scope, home):
        full_name = f"{parent}.{descriptor.name}"
        swift = f"{scope}.{names.swift_type_component(descriptor.name)}"
        self.types[full_name] = (descriptor, swift)
        self.homes[full_name] = home
        for nested in list(getattr(descriptor, "nested_type", ())) + list(getattr(descriptor, "enum_type", ())):
            self._register(nested, full_name, swift, home)

    def _refuse_recursion(self):
        """libprotobuf-c recurses as deep as its input says, so a message may not contain itself."""

        def visit(full_name, path):
            if full_name in path:
                raise SystemExit(f"generate: {' → '.join(path + [full_name])} is recursive; libprotobuf-c recurses as deep as its input says")
            descriptor, _ = self.types[full_name]
            for field in getattr(descriptor, "field", ()):
                if field.type == F.TYPE_MESSAGE:
                    visit(field.type_name[1:], path + [full_name])

        for full_name in self.types:
            visit(full_name, [])

    def file(self, name, source):
        descriptor = self.descriptors[name]
        if descriptor.syntax != "proto3":
            raise SystemExit(f"generate: {name} is not proto3")
        self.unit = unit_for(name)
        comments = _comments(descriptor)
        stripped = descriptor_pb2.FileDescriptorProto()
        stripped.CopyFrom(descriptor)
        stripped.ClearField("source_code_info")
        package = descriptor.package
        return File(
            name=name,
            package=package,
            unit=self.unit,
            source=source,
            dependencies=list(descriptor.dependency),
            messages=[
                self._message(each, package, comments, (4, index))
                for index, each in enumerate(descriptor.message_type)
            ],
            enums=[self._enum(each, package, comments, (5, index)) for index, each in enumerate(descriptor.enum_type)],
            services=[
                self._service(each, package, comments, (6, index)) for index, each in enumerate(descriptor.service)
            ],
            serialized=stripped.SerializeToString(deterministic=True),
            symbols=sorted(_symbols(descriptor)),
        )

    def _message(self, descriptor, parent, comments, path):
        full_name = f"{parent}.{descriptor.name}"
        swift = self.types[full_name][1]
        message = Message(
            full_name=full_name, name=swift.rsplit(".", 1)[1], swift=swift, comment=comments.get(path, "")
        )
        if len(descriptor.field) > FIELDS_MAX:
            raise SystemExit(f"generate: {full_name} has over {FIELDS_MAX} fields; MessageScanner has a bit for each")
        oneofs = {}
        for index, field in enumerate(descriptor.field):
            comment = comments.get(path + (2, index), "")
            if full_name.startswith(COMMENTED) and not comment:
                raise SystemExit(f"generate: {full_name}.{field.name} has no comment; say its unit, range and meaning")
            converted = self._field(field, comment)
            if not field.HasField("oneof_index"):
                message.members.append(converted)
                continue
            if field.oneof_index not in oneofs:
                oneof = descriptor.oneof_decl[field.oneof_index]
                oneofs[field.oneof_index] = Oneof(oneof.name, comments.get(path + (8, field.oneof_index), ""), [])
                message.members.append(oneofs[field.oneof_index])
            oneofs[field.oneof_index].fields.append(converted)
        for index, nested in enumerate(descriptor.nested_type):
            if not nested.options.map_entry:
                message.messages.append(self._message(nested, full_name, comments, path + (3, index)))
        for index, nested in enumerate(descriptor.enum_type):
            message.enums.append(self._enum(nested, full_name, comments, path + (4, index)))
        return message

    def _field(self, field, comment):
        if field.type == F.TYPE_GROUP:
            raise SystemExit(f"generate: {field.name} is a group")
        value = self._value(field)
        repeated = field.label == F.LABEL_REPEATED
        result = Field(field.name, field.number, comment, value, repeated)
        if field.type == F.TYPE_MESSAGE:
            entry, _ = self.types[field.type_name[1:]]
            if entry.options.map_entry:
                key, value = (self._value(each) for each in entry.field)
                result.map = (key, value, field.type_name[1:])
        return result

    def _value(self, field):
        if field.type in SCALARS:
            return Value("scalar", SCALARS[field.type])
        if field.type == F.TYPE_BOOL:
            return Value("bool", "Bool")
        if field.type == F.TYPE_STRING:
            return Value("string", "String")
        if field.type == F.TYPE_BYTES:
            return Value("bytes", "[UInt8]")
        kind = "enum" if field.type == F.TYPE_ENUM else "message"
        full_name = field.type_name[1:]
        descriptor, swift = self.types[full_name]
        zero = names.enum_case(descriptor.name, descriptor.value[0].name)[0] if kind == "enum" else ""
        is_foreign = kind == "message" and unit_for(self.homes[full_name]) != self.unit
        return Value(kind, swift, names.c_type(full_name), zero, is_foreign)

    def _enum(self, descriptor, parent, comments, path):
        cases, seen = [], set()
        for index, value in enumerate(descriptor.value):
            if value.number in seen:
                continue
            seen.add(value.number)
            case, short = names.enum_case(descriptor.name, value.name)
            cases.append((case, short, value.number, comments.get(path + (2, index), "")))
        full_name = f"{parent}.{descriptor.name}"
        return Enum(full_name, self.types[full_name][1].rsplit(".", 1)[1], comments.get(path, ""), cases)

    def _service(self, descriptor, package, comments, path):
        methods = [
            Method(
                name=method.name,
                comment=comments.get(path + (2, index), ""),
                request=self.types[method.input_type[1:]][1],
                response=self.types[method.output_type[1:]][1],
                client_streaming=method.client_streaming,
                server_streaming=method.server_streaming,
            )
            for index, method in enumerate(descriptor.method)
        ]
        return Service(f"{package}.{descriptor.name}", descriptor.name, comments.get(path, ""), methods)


def _comments(descriptor):
    """Path of a declaration → its comment."""
    return {
        tuple(location.path): (location.leading_comments or location.trailing_comments).strip()
        for location in descriptor.source_code_info.location
        if location.leading_comments or location.trailing_comments
    }


def _symbols(descriptor):
    def nested(message, parent):
        full_name = f"{parent}.{message.name}"
        yield full_name
        for each in message.nested_type:
            yield from nested(each, full_name)
        for enum in message.enum_type:
            yield f"{full_name}.{enum.name}"

    for message in descriptor.message_type:
        yield from nested(message, descriptor.package)
    for enum in descriptor.enum_type:
        yield f"{descriptor.package}.{enum.name}"
    for service in descriptor.service:
        yield f"{descriptor.package}.{service.name}"
        for method in service.method:
            yield f"{descriptor.package}.{service.name}.{method.name}"
