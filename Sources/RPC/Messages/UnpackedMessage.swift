internal import CProtobufC

/// A message in its C form, for as long as generated code copies it out.
package struct UnpackedMessage: ~Copyable {
  private let arena: Arena
  /// The message's C struct. Valid as long as this value.
  package let pointer: UnsafeRawPointer

  /// Scans, then unpacks into an arena of the size that the scan found.
  ///
  /// - Parameter descriptor: A `ProtobufCMessageDescriptor`.
  package init(
    _ bytes: UnsafeRawBufferPointer, descriptor: UnsafeRawPointer, limits: MessageLimits
  ) throws(MessageError) {
    let descriptor = descriptor.assumingMemoryBound(to: ProtobufCMessageDescriptor.self)
    let sizeBytes = try MessageScanner.scan(bytes, descriptor: descriptor, limits: limits)
    let arena = Arena(capacityBytes: sizeBytes, limitBytes: limits.arenaBytesMax)
    guard let message = arena.unpack(bytes, descriptor: descriptor) else {
      // The scan accepts nothing that libprotobuf-c refuses, and found how much memory it takes.
      assertionFailure("libprotobuf-c refuses what the scan accepted")
      throw .tooLarge
    }
    self.arena = arena
    pointer = UnsafeRawPointer(message)
  }
}
