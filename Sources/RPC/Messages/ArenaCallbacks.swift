// The functions libprotobuf-c calls; `data` is the state of an arena. They stand apart because they run below C.

/// `ProtobufCAllocator.alloc`: nil makes libprotobuf-c give up on the message.
func arenaAllocate(_ data: UnsafeMutableRawPointer?, _ sizeBytes: Int) -> UnsafeMutableRawPointer? {
  data!.assumingMemoryBound(to: Arena.State.self).pointee.take(sizeBytes, isLimited: true)
}

/// `ProtobufCAllocator.free`: the arena frees everything at its end.
func arenaFree(_ data: UnsafeMutableRawPointer?, _ pointer: UnsafeMutableRawPointer?) {}
