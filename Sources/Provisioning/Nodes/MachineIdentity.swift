/// The serial number on a machine's board: 1 to 64 octets of printable ASCII.
package struct SerialNumber: Hashable, Sendable, CustomStringConvertible {
  package let text: String

  package static let octetsMax = 64

  package init(_ text: String) throws(TextProblem) {
    if let problem = TextRule.problem(in: text, octetsMax: Self.octetsMax, asciiOnly: true) { throw problem }
    self.text = text
  }

  package var description: String { text }

  /// True for what vendors leave in place of a serial number; it identifies nobody.
  package var isPlaceholder: Bool {
    let letters = text.lowercased().utf8.filter { byte in
      (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }
    guard let first = letters.first, letters.count > 1 else { return true }
    if letters.allSatisfy({ $0 == first }) { return true }
    return placeholders.contains(String(decoding: letters, as: UTF8.self))
  }
}

extension SerialNumber: ExpressibleByStringLiteral {
  /// For serials written in the program; a wrong one is a mistake in the program.
  package init(stringLiteral text: String) {
    do { try self.init(text) } catch { preconditionFailure("\(text): \(error)") }
  }
}

/// Texts found in DMI tables instead of a serial number, letters and digits only.
private let placeholders: Set<String> = [
  "tobefilledbyoem", "tobefilledbyoemtobefilledbyoem", "tobefilled", "filledbyoem", "oem",
  "defaultstring", "default", "systemserialnumber", "serialnumber", "serial", "sernum",
  "chassisserialnumber", "baseboardserialnumber", "notspecified", "notavailable", "notapplicable",
  "na", "none", "null", "unknown", "empty", "invalid", "oemstring", "systemproductname", "qemu",
  "0123456789", "1234567890", "123456789", "12345678", "1234567", "123456", "01234567890123456789",
  "00000000000000", "xxxxxxxxxxxx", "insydehinsydeh",
]

/// The UUID of a machine's board as SMBIOS gives it (any version, often not unique).
package struct HardwareUUID: Hashable, Sendable, CustomStringConvertible {
  package let bits: UInt128

  package init(bits: UInt128) {
    self.bits = bits
  }

  package init(_ text: String) throws(UUIDTextError) {
    bits = try parseUUID(text)
  }

  package var description: String { uuidText(bits) }

  /// True for zeros, ones and the values that vendors flash into every board; it identifies nobody.
  package var isPlaceholder: Bool {
    let first = UInt8(truncatingIfNeeded: bits)
    let isUniform = (0..<16).allSatisfy { UInt8(truncatingIfNeeded: bits >> UInt128(8 * $0)) == first }
    return isUniform || placeholderUUIDs.contains(bits)
  }
}

extension HardwareUUID: ExpressibleByStringLiteral {
  /// For UUIDs written in the program; a wrong one is a mistake in the program.
  package init(stringLiteral text: String) {
    do { try self.init(text) } catch { preconditionFailure("\(text): \(error)") }
  }
}

/// 03000200-0400-0500-0006-000700080009 (AMI's sample), in both byte orders, and counting patterns.
private let placeholderUUIDs: Set<UInt128> = [
  0x0300_0200_0400_0500_0006_0007_0008_0009,
  0x0002_0003_0004_0005_0006_0007_0008_0009,
  0x0001_0203_0405_0607_0809_0a0b_0c0d_0e0f,
  0x0302_0100_0504_0706_0809_0a0b_0c0d_0e0f,
  0x1234_5678_1234_5678_9012_3456_789a_bcde,
  0x1234_5678_1234_1234_1234_1234_5678_9abc,
  0x1234_5678_90ab_cdef_1234_5678_90ab_cdef,
]
