internal import CProtobufC

/// The shape of a number, a `bool` or an enum on the wire and in a C struct.
struct ScalarKind {
  let wireType: WireType
  /// In C.
  let sizeBytes: Int

  init(_ type: ProtobufCType) {
    switch type {
    case PROTOBUF_C_TYPE_FIXED32, PROTOBUF_C_TYPE_SFIXED32, PROTOBUF_C_TYPE_FLOAT:
      (wireType, sizeBytes) = (.fixed32, 4)
    case PROTOBUF_C_TYPE_FIXED64, PROTOBUF_C_TYPE_SFIXED64, PROTOBUF_C_TYPE_DOUBLE:
      (wireType, sizeBytes) = (.fixed64, 8)
    case PROTOBUF_C_TYPE_INT64, PROTOBUF_C_TYPE_UINT64, PROTOBUF_C_TYPE_SINT64:
      (wireType, sizeBytes) = (.varint, 8)
    default:
      (wireType, sizeBytes) = (.varint, 4)
    }
  }
}
