"""`<file>.messages.swift`: messages, enums and oneofs as Swift values."""

from .model import Oneof
from .source import Source


def write(file):
    if not file.messages and not file.enums:
        return None
    source = Source(file, *(file.unit.rpc_import if file.messages else []))
    source.open(f"extension {file.namespace} {{")
    for enum in file.enums:
        _enum(source, enum, file.unit.access)
    for message in file.messages:
        _message(source, message, file.unit.access)
    source.close()
    return source.text()


def _message(source, message, access):
    source.gap()
    source.doc(message.comment)
    source.open(f"{access} struct {message.name}: Sendable, Hashable {{")
    for member in message.members:
        source.doc(member.comment)
        if isinstance(member, Oneof):
            source.line(f"{access} var {member.swift}: {member.type_name}?")
        else:
            initial = "" if member.default == "nil" else f" = {member.default}"
            source.line(f"{access} var {member.swift}: {member.swift_type}{initial}")
    source.line("/// What came in fields that this contract does not have.")
    source.line(f"{access} var unknownFields: RPC.UnknownFields = .init()")
    source.gap()
    source.line(f"{access} init() {{}}")
    if message.members:
        source.gap()
        _memberwise(source, message, access)
    for member in message.members:
        if isinstance(member, Oneof):
            _oneof(source, member, access)
    for enum in message.enums:
        _enum(source, enum, access)
    for nested in message.messages:
        _message(source, nested, access)
    source.close()


def _memberwise(source, message, access):
    arguments = []
    for member in message.members:
        kind, initial = (
            (f"{member.type_name}?", "nil") if isinstance(member, Oneof) else (member.swift_type, member.default)
        )
        arguments.append(f"{member.swift}: {kind} = {initial}")
    source.call(f"{access} init", arguments, " {")
    source.depth += 1
    for member in message.members:
        source.line(f"self.{member.swift} = {member.swift}")
    source.close()


def _oneof(source, oneof, access):
    source.gap()
    source.doc(oneof.comment)
    source.open(f"{access} enum {oneof.type_name}: Sendable, Hashable {{")
    for field in oneof.fields:
        source.doc(field.comment)
        source.line(f"case {field.swift}({field.value.swift})")
    source.close()


def _enum(source, enum, access):
    source.gap()
    source.doc(enum.comment)
    source.open(f"{access} enum {enum.name}: Sendable, Hashable, RawRepresentable {{")
    for case, _, _, comment in enum.cases:
        source.doc(comment)
        source.line(f"case {case}")
    source.line("/// A number this program does not know.")
    source.line("case unrecognized(Int32)")
    source.gap()
    source.line("/// The values of the proto file, in its order.")
    source.items(f"{access} static let known: [{enum.name}] = ", [f".{case}" for case, _, _, _ in enum.cases])
    source.gap()
    source.line(f"{access} init() {{ self = .{enum.cases[0][0]} }}")
    source.gap()
    source.open(f"{access} init(rawValue: Int32) {{")
    source.line("switch rawValue {")
    for case, _, number, _ in enum.cases:
        source.line(f"case {number}: self = .{case}")
    source.line("default: self = .unrecognized(rawValue)")
    source.line("}")
    source.close()
    source.gap()
    source.open(f"{access} var rawValue: Int32 {{")
    source.line("switch self {")
    for case, _, number, _ in enum.cases:
        source.line(f"case .{case}: {number}")
    source.line("case .unrecognized(let number): number")
    source.line("}")
    source.close()
    source.gap()
    example = enum.cases[-1][1]
    source.line(f"/// The name in the proto file without the type's prefix, such as `{example}`; else the number.")
    source.open(f"{access} var name: String {{")
    source.line("switch self {")
    for case, short, _, _ in enum.cases:
        source.line(f'case .{case}: "{short}"')
    source.line("case .unrecognized(let number): String(number)")
    source.line("}")
    source.close()
    source.close()

