"""Which proto file becomes code in which target. A new package needs one entry here."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Unit:
    """Proto files that share their targets."""

    # Folder of the proto files, relative to the repository; also protoc's include path.
    root: str
    # Prefixes of proto file names, relative to the root (or to /usr/include for the well-known types).
    prefixes: tuple
    # Folder of the C target; it holds nothing but generated code.
    c_target: str
    # Folder of the generated Swift; it holds nothing but generated code.
    swift_folder: str
    # Access of the Swift declarations.
    access: str

    @property
    def c_module(self):
        return self.c_target.rsplit("/", 1)[-1]

    @property
    def rpc_import(self):
        """How its Swift sees the RPC module: a list of one import, or of none in the module itself."""
        return [] if self.swift_folder.startswith("Sources/RPC/") else [f"{self.access} import RPC"]


# Well-known types that our files use, from libprotobuf-dev.
WELL_KNOWN_ROOT = "/usr/include"
WELL_KNOWN = tuple(
    f"google/protobuf/{name}.proto" for name in ("any", "duration", "empty", "field_mask", "timestamp")
)

UNITS = (
    Unit("proto", ("google/", "grpc/", "bench/"), "Sources/CRPCProto", "Sources/RPC/Generated", "public"),
    Unit("proto", ("muster/",), "Sources/CMusterProto", "Sources/Wire/Generated", "package"),
    Unit(
        "Tests/RPCMessageTests/Protos",
        ("everything/",),
        "Tests/CTestProto",
        "Tests/RPCMessageTests/Generated",
        "package",
    ),
    Unit(
        "Tests/RPCTransportTests/Protos",
        ("conformance/", "etcd/", "hello/"),
        "Tests/CForeignProto",
        "Tests/RPCTransportTests/Generated",
        "package",
    ),
)


def unit_for(file_name):
    """The unit a proto file belongs to."""
    for unit in UNITS:
        if file_name.startswith(unit.prefixes):
            return unit
    raise SystemExit(f"generate: {file_name} belongs to no target; add its folder to scripts/lib_generate/layout.py")
