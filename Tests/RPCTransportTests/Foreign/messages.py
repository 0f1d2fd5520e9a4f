"""The messages of Protos/conformance/conformance.proto, made at run time so that the tests need no code generation."""
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory


def _message(file, name, *fields):
    message = file.message_type.add(name=name)
    for number, (field, kind, *label) in enumerate(fields, 1):
        message.field.add(name=field, number=number, type=kind, label=label[0] if label else _F.LABEL_OPTIONAL)


_F = descriptor_pb2.FieldDescriptorProto
_file = descriptor_pb2.FileDescriptorProto(name="conformance.proto", package="conformance", syntax="proto3")
_echo = (("id", _F.TYPE_UINT64), ("name", _F.TYPE_STRING), ("payload", _F.TYPE_BYTES))
_message(_file, "EchoRequest", *_echo)
_message(_file, "EchoReply", *_echo)
_message(_file, "StreamRequest", ("count", _F.TYPE_UINT32), ("payload", _F.TYPE_BYTES),
         ("sizes", _F.TYPE_UINT32, _F.LABEL_REPEATED))
_pool = descriptor_pool.DescriptorPool()
_pool.Add(_file)


def _type(name):
    return message_factory.GetMessageClass(_pool.FindMessageTypeByName(f"conformance.{name}"))


EchoRequest, EchoReply, StreamRequest = _type("EchoRequest"), _type("EchoReply"), _type("StreamRequest")


class Stub:
    """The calls of ConformanceService over a channel."""

    def __init__(self, channel):
        def kind(make, method, request):
            return make(f"/conformance.Test/{method}", request_serializer=request.SerializeToString,
                        response_deserializer=EchoReply.FromString)

        self.Unary = kind(channel.unary_unary, "Unary", EchoRequest)
        self.ClientStream = kind(channel.stream_unary, "ClientStream", EchoRequest)
        self.ServerStream = kind(channel.unary_stream, "ServerStream", StreamRequest)
        self.PingPong = kind(channel.stream_stream, "PingPong", EchoRequest)
