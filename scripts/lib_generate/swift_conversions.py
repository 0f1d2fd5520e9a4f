"""`<file>.conversions.swift`: each message from and to its C struct, field by field."""

from . import names
from .model import Oneof
from .source import Source


def write(file):
    messages = [each for message in file.messages for each in message.flattened()]
    if not messages:
        return None
    imports = sorted(
        [f"internal import {file.unit.c_module}", "internal import CProtobufC"]
        + _foreign_modules(file)
        + file.unit.rpc_import,
        key=lambda line: line.split()[-1],
    )
    source = Source(file, *imports)
    for message in messages:
        _message(source, message, file)
    return source.text()


def _foreign_modules(file):
    """C modules of messages that other targets own."""
    modules = {"CRPCProto"} if any(each.startswith("google/") for each in file.dependencies) else set()
    return [f"internal import {each}" for each in sorted(modules - {file.unit.c_module})]


def _message(source, message, file):
    access = file.unit.access
    source.gap()
    source.open(f"extension {message.swift}: RPC.Message {{")
    source.line(f'{access} static let fullName = "{message.full_name}"')
    source.gap()
    _field_names(source, message, access)
    source.gap()
    _encoding_cost(source, message, access)
    source.gap()
    source.open(
        f"{access} init(serialized bytes: UnsafeRawBufferPointer, limits: RPC.MessageLimits) "
        "throws(RPC.MessageError) {"
    )
    source.line("let unpacked = try RPC.UnpackedMessage(bytes, descriptor: Self.cDescriptor, limits: limits)")
    source.line("defer { extendLifetime(unpacked) }")
    source.line(f"self.init(unpacked.pointer.assumingMemoryBound(to: {message.c}.self))")
    source.close()
    source.gap()
    source.open(f"{access} func serialize(into allocate: (_ sizeBytes: Int) -> UnsafeMutableRawBufferPointer) {{")
    source.line("RPC.Arena.lend { arena in arena.pack(makeC(in: arena), into: allocate) }")
    source.close()
    source.gap()
    source.line("/// A constant of the C module.")
    source.open("nonisolated(unsafe) private static let cDescriptor: UnsafeRawPointer = {")
    source.line(f"var message = {message.c}()")
    source.line(f"{names.c_function(message.full_name, 'init')}(&message)")
    source.line("return UnsafeRawPointer(message.base.descriptor)")
    source.close("}()")
    source.gap()
    _from_c(source, message)
    source.gap()
    _to_c(source, message)
    if file.package == "google.protobuf":
        _raw(source, message)
    source.close()


def _raw(source, message):
    """Messages of other targets contain this one, and its C type does not leave the module."""
    source.gap()
    source.line("/// For messages of other modules that contain this one.")
    source.open("package init(raw: UnsafeRawPointer) {")
    source.line(f"self.init(raw.assumingMemoryBound(to: {message.c}.self))")
    source.close()
    source.gap()
    source.line("/// For messages of other modules that contain this one. Valid as long as the arena.")
    source.open("package func makeRawC(in arena: borrowing RPC.Arena) -> UnsafeMutableRawPointer {")
    source.line("UnsafeMutableRawPointer(makeC(in: arena))")
    source.close()


def _field_names(source, message, access):
    source.items(f"{access} static let fieldNames: [String] = ", [f'"{name}"' for name in message.field_names])


def _encoding_cost(source, message, access):
    source.open(f"{access} var encodingCost: Int {{")
    lines = [line for member in message.members for line in _costs_of(member)]
    if lines:
        source.line("var cost = self.unknownFields.sizeBytes")
        for line in lines:
            source.line(line)
        source.line("return cost")
    else:
        source.line("self.unknownFields.sizeBytes")
    source.close()


def _costs_of(member):
    """Lines that add what a member costs; none for what costs next to nothing."""
    if isinstance(member, Oneof):
        costs = [(field, cost) for field in member.fields if (cost := _cost(field.value, "value"))]
        if not costs:
            return []
        cases = [f"case .{field.swift}(let value): cost += {cost}" for field, cost in costs]
        others = "case nil: break" if len(costs) == len(member.fields) else "default: break"
        return [f"switch self.{member.swift} {{", *cases, others, "}"]
    if member.map:
        return [f"cost += self.{member.swift}.count * RPC.EncodingCost.message"]
    if member.repeated:
        base = "message" if member.value.kind == "message" else "scalar"
        first = _cost(member.value, "$0")
        return [f"cost += RPC.EncodingCost.of(self.{member.swift}, RPC.EncodingCost.{base})" + (f" {{ {first} }}" if first else "")]
    if member.value.kind == "message":
        return [f"if let message = self.{member.swift} {{ cost += message.encodingCost }}"]
    cost = _cost(member.value, f"self.{member.swift}")
    return [f"cost += {cost}"] if cost else []


def _cost(value, swift):
    """What the Swift expression `swift` costs as an expression, or None."""
    return {"string": f"{swift}.utf8.count", "bytes": f"{swift}.count", "message": f"{swift}.encodingCost"}.get(value.kind)


def _from_c(source, message):
    source.open(f"init(_ c: UnsafePointer<{message.c}>) {{")
    for member in message.members:
        if isinstance(member, Oneof):
            source.line(f"switch c.pointee.{member.c_case}.rawValue {{")
            for field in member.fields:
                value = _value_from_c(field.value, f"c.pointee.{_escaped(field.c)}")
                source.line(f"case {field.number}: self.{member.swift} = .{field.swift}({value})")
            source.line("default: break")
            source.line("}")
            continue
        _field_from_c(source, member)
    source.line("self.unknownFields = RPC.UnknownFields(of: c)")
    source.close()


def _field_from_c(source, field):
    c, target = f"c.pointee.{_escaped(field.c)}", f"self.{field.swift}"
    count = f"c.pointee.n_{field.c}"
    if field.map:
        key, value = field.map[0], field.map[1]
        source.open(f"for index in 0..<{count} {{")
        source.line(f"let entry = {c}[index]!")
        source.line(
            f"{target}[{_value_from_c(key, 'entry.pointee.key')}] = {_value_from_c(value, 'entry.pointee.value')}"
        )
        source.close()
    elif field.repeated and field.value.kind == "scalar":
        source.line(f"{target} = Array(UnsafeBufferPointer(start: {c}, count: {count}))")
    elif field.repeated:
        source.open(f"if {count} > 0 {{")
        source.line(f"{target}.reserveCapacity({count})")
        element = _value_from_c(field.value, f"{c}[index]")
        source.block(f"for index in 0..<{count} {{", f"{target}.append({element})")
        source.close()
    elif field.value.kind == "message":
        message = _value_from_c(field.value, "message", is_optional=False)
        source.block(f"if let message = {c} {{", f"{target} = {message}")
    else:
        source.line(f"{target} = {_value_from_c(field.value, c)}")


def _value_from_c(value, c, is_optional=True):
    """A Swift expression for the C expression `c`; pointers to messages come as optionals."""
    return {
        "scalar": c,
        "bool": f"{c} != 0",
        "string": f"RPC.CField.string({c})",
        "bytes": f"RPC.CField.bytes({c}.data, count: {c}.len)",
        "enum": f"{value.swift}(rawValue: Int32(truncatingIfNeeded: {c}.rawValue))",
        "message": f"{value.swift}({'raw: ' if value.is_foreign else ''}{c}{'!' if is_optional else ''})",
    }[value.kind]


def _to_c(source, message):
    source.line("/// Valid as long as the arena.")
    source.open(f"func makeC(in arena: borrowing RPC.Arena) -> UnsafeMutablePointer<{message.c}> {{")
    source.line(f"let c = arena.allocate({message.c}.self)")
    source.line(f"{names.c_function(message.full_name, 'init')}(c)")
    for member in message.members:
        if isinstance(member, Oneof):
            _oneof_to_c(source, member)
        else:
            _field_to_c(source, member)
    source.line("arena.add(self.unknownFields, to: c)")
    source.line("return c")
    source.close()


def _oneof_to_c(source, oneof):
    source.line(f"switch self.{oneof.swift} {{")
    for field in oneof.fields:
        source.line(f"case .{field.swift}(let value):")
        source.depth += 1
        source.line(f"c.pointee.{oneof.c_case} = .init(rawValue: {field.number})")
        source.line(f"c.pointee.{_escaped(field.c)} = {_value_to_c(field.value, 'value')}")
        source.depth -= 1
    source.line("case nil: break")
    source.line("}")


def _field_to_c(source, field):
    c, value = f"c.pointee.{_escaped(field.c)}", f"self.{field.swift}"
    if field.map:
        entry = names.c_type(field.map[2])
        source.open(f"if !{value}.isEmpty {{")
        source.line(f"let entries = arena.allocate(UnsafeMutablePointer<{entry}>?.self, count: {value}.count)")
        source.open(f"for (index, element) in {value}.sorted(by: {{ $0.key < $1.key }}).enumerated() {{")
        source.line(f"let entry = arena.allocate({entry}.self)")
        source.line(f"{names.c_function(field.map[2], 'init')}(entry)")
        source.line(f"entry.pointee.key = {_value_to_c(field.map[0], 'element.key')}")
        source.line(f"entry.pointee.value = {_value_to_c(field.map[1], 'element.value')}")
        source.line("entries[index] = entry")
        source.close()
        source.line(f"c.pointee.n_{field.c} = {value}.count")
        source.line(f"{c} = entries")
        source.close()
    elif field.repeated:
        source.open(f"if !{value}.isEmpty {{")
        source.line(f"let list = arena.allocate({_element_type(field.value)}.self, count: {value}.count)")
        source.block(f"for index in {value}.indices {{", f"list[index] = {_value_to_c(field.value, value + '[index]')}")
        source.line(f"c.pointee.n_{field.c} = {value}.count")
        source.line(f"{c} = list")
        source.close()
    elif field.value.kind == "message":
        source.block(f"if let message = {value} {{", f"{c} = {_value_to_c(field.value, 'message')}")
    elif field.value.kind == "string":
        source.block(f"if !{value}.isEmpty {{", f"{c} = {_value_to_c(field.value, value)}")
    else:
        source.line(f"{c} = {_value_to_c(field.value, value)}")


def _element_type(value):
    return {
        "scalar": value.swift,
        "bool": "protobuf_c_boolean",
        "string": "UnsafeMutablePointer<CChar>?",
        "bytes": "ProtobufCBinaryData",
        "enum": value.c,
        "message": f"UnsafeMutablePointer<{value.c}>?",
    }[value.kind]


def _value_to_c(value, swift):
    """A C value for the Swift expression `swift`."""
    return {
        "scalar": swift,
        "bool": f"{swift} ? 1 : 0",
        "string": f"arena.string({swift})",
        "bytes": f"ProtobufCBinaryData(len: {swift}.count, data: arena.bytes({swift}))",
        "enum": f"{value.c}(rawValue: .init(truncatingIfNeeded: {swift}.rawValue))",
        "message": (
            f"{swift}.makeRawC(in: arena).assumingMemoryBound(to: {value.c}.self)"
            if value.is_foreign
            else f"{swift}.makeC(in: arena)"
        ),
    }[value.kind]


def _escaped(c_name):
    return f"`{c_name}`" if c_name in names.SWIFT_KEYWORDS else c_name
