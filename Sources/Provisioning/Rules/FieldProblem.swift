/// The stable reason of a refused value. Clients switch over it, so a case is never renamed.
package enum ProblemCode: String, Sendable, Hashable, CaseIterable {
  case required = "REQUIRED"
  case textInvalid = "TEXT_INVALID"
  case textTooLong = "TEXT_TOO_LONG"
  case tooMany = "TOO_MANY"
  case numberOutOfRange = "NUMBER_OUT_OF_RANGE"
  case duplicate = "DUPLICATE"
  case nameInvalid = "NAME_INVALID"
  case nameTaken = "NAME_TAKEN"
  case macInvalid = "MAC_INVALID"
  case macTaken = "MAC_TAKEN"
  case addressInvalid = "ADDRESS_INVALID"
  case addressTaken = "ADDRESS_TAKEN"
  case addressInPool = "ADDRESS_IN_POOL"
  case addressOutsideSubnet = "ADDRESS_OUTSIDE_SUBNET"
  case addressReserved = "ADDRESS_RESERVED"
  case addressHeld = "ADDRESS_HELD"
  case addressesExhausted = "ADDRESSES_EXHAUSTED"
  case prefixInvalid = "PREFIX_INVALID"
  case prefixOverlap = "PREFIX_OVERLAP"
  case prefixInUse = "PREFIX_IN_USE"
  case poolInvalid = "POOL_INVALID"
  case poolOutside = "POOL_OUTSIDE"
  case poolOverlap = "POOL_OVERLAP"
  case poolReserved = "POOL_RESERVED"
  case subnetUnknown = "SUBNET_UNKNOWN"
  case profileUnknown = "PROFILE_UNKNOWN"
  case agentUnknown = "AGENT_UNKNOWN"
  case profileInvalid = "PROFILE_INVALID"
  case pathInvalid = "PATH_INVALID"
  case identifierInvalid = "IDENTIFIER_INVALID"
  case immutable = "IMMUTABLE"
  case staleRevision = "STALE_REVISION"
  case nodeUnknown = "NODE_UNKNOWN"
  case refused = "REFUSED"
  case fieldUnknown = "FIELD_UNKNOWN"
}

/// One value that was refused: which, why, and the way out, in the words an operator reads.
package struct FieldProblem: Sendable, Hashable {
  /// The path of the field in the request, for example `interfaces[0].address`.
  package var field: String
  /// The value as it was given, printable and cut to `valueOctetsMax`.
  package var value: String
  package var code: ProblemCode
  /// What is wrong, a clause whose subject is the value: "is inside the pool of hall1
  /// (10.1.3.0-10.1.3.99)".
  package var message: String
  /// What to do, a clause without capital and full stop: "choose another address or 'auto'".
  package var fix: String

  /// The longest value a problem repeats, in octets.
  package static let valueOctetsMax = 128

  package init(field: String, value: String, code: ProblemCode, message: String, fix: String) {
    self.field = field
    self.value = printable(value, octetsMax: Self.valueOctetsMax)
    self.code = code
    self.message = message
    self.fix = fix
  }

  /// The same problem with `prefix` before its field, for example `nodes[17]`.
  package func under(_ prefix: String) -> FieldProblem {
    var copy = self
    copy.field = field.isEmpty ? prefix : "\(prefix).\(field)"
    return copy
  }
}

extension FieldProblem: CustomStringConvertible {
  /// "interfaces[0].address: 10.1.3.10 is inside the pool of hall1 (…). Choose another address or
  /// 'auto'."
  package var description: String {
    let subject = value.isEmpty ? "" : value + " "
    let way = fix.isEmpty ? "" : " \(fix.prefix(1).uppercased())\(fix.dropFirst())."
    return "\(field.isEmpty ? "" : field + ": ")\(subject)\(message).\(way)"
  }
}

/// A request that cannot be carried out as it stands. Nothing of it was applied.
package struct InvalidFields: Error, Sendable, Hashable, CustomStringConvertible {
  /// At least one, in the order of the request's fields.
  package var problems: [FieldProblem]

  package init(_ problems: [FieldProblem]) {
    self.problems = problems
  }

  package var description: String {
    problems.map(\.description).joined(separator: "\n")
  }
}

/// `text` with everything that could disturb a terminal or a log written as `\u{…}`, cut at
/// `octetsMax` octets of UTF-8.
package func printable(_ text: String, octetsMax: Int) -> String {
  var out = ""
  var octets = 0
  for scalar in text.unicodeScalars {
    let piece = TextRule.isPrintable(scalar) ? String(scalar) : "\\u{\(String(scalar.value, radix: 16))}"
    octets += piece.utf8.count
    guard octets <= octetsMax else { return out + "…" }
    out += piece
  }
  return out
}
