"""How names of proto files become names of C (protoc-c's rules) and of Swift (ours)."""

# Names that protoc-c extends by an underscore when a field has them.
C_KEYWORDS = frozenset(
    """and and_eq asm auto bitand bitor bool break case catch char class compl const const_cast continue
    default delete do double dynamic_cast else enum explicit extern false float for friend goto if inline
    int long mutable namespace new not not_eq operator or or_eq private protected public register
    reinterpret_cast return short signed sizeof static static_cast struct switch template this throw true
    try typedef typeid typename union unsigned using virtual void volatile wchar_t while xor xor_eq""".split()
)

# Names that Swift takes only between backticks.
SWIFT_KEYWORDS = frozenset(
    """associatedtype as any await break case catch class continue default defer deinit do else enum
    extension fallthrough false fileprivate for func guard if import in inout internal is let nil
    operator precedencegroup private protocol public repeat rethrows return static struct subscript super
    switch throw throws true try typealias var where while""".split()
)

# Names that mean something else inside a generated type, whatever the quotes.
SWIFT_TAKEN = frozenset(("init", "self", "hashValue", "rawValue", "fullName", "fieldNames", "unknownFields", "encodingCost"))

# Types whose own name Swift reserves.
SWIFT_TYPE_RENAMES = {"Any": "AnyMessage", "Type": "TypeMessage", "Protocol": "ProtocolMessage", "Self": "SelfMessage"}


def camel(name):
    """`boot_profile` → `BootProfile`; capitals stay."""
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


def lower_camel(name):
    """`boot_profile` → `bootProfile`, `GetNode` → `getNode`."""
    text = camel(name)
    return text[:1].lower() + text[1:]


def swift_identifier(name):
    if name in SWIFT_TAKEN:
        return name + "_"
    return f"`{name}`" if name in SWIFT_KEYWORDS else name


def swift_namespace(package):
    """`muster.v1` → `MusterV1`."""
    return "".join(camel(part) for part in package.split("."))


def swift_type_component(name):
    name = camel(name)
    return SWIFT_TYPE_RENAMES.get(name, name)


def c_type(full_name):
    """`muster.v1.Node` → `Muster__V1__Node`."""
    return "__".join(camel(part) for part in full_name.split("."))


def c_lower(name):
    """protoc-c's spelling of one component in functions: `NodeStatus` → `node_status`."""
    text, was_upper = "", True
    for letter in name:
        is_upper = letter.isupper()
        if is_upper and not was_upper:
            text += "_"
        text += letter.lower()
        was_upper = is_upper
    return text


def c_function(full_name, suffix):
    """`muster.v1.Node`, `init` → `muster__v1__node__init`."""
    return "__".join(c_lower(part) for part in full_name.split(".")) + "__" + suffix


# A member that protoc-c puts into every struct, and names that a C struct cannot have in Swift: a field of such a
# name is renamed before protoc-c sees it.
C_MEMBERS = frozenset(("base", "init", "self"))


def c_field(name):
    name = name.lower()
    if name in C_MEMBERS:
        return name + "_field"
    return name + "_" if name in C_KEYWORDS else name


def enum_case(enum_name, value_name):
    """`NodeState`, `NODE_STATE_NEW` → (`new`, `NEW`): the name without the type's prefix."""
    prefix = c_lower(enum_name).upper() + "_"
    short = value_name[len(prefix):] if value_name.startswith(prefix) else value_name
    if not short or short[0].isdigit():
        short = value_name
    return swift_identifier(lower_camel(short.lower())), short
