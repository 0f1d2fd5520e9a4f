internal import Provisioning

/// Who asks, and where it is sent.
///
/// The four classes tell firmware apart; one class a server address and kind says where to boot from, because that
/// differs by link. The latter are required by the subnets: tested for every packet they would hand one link's server to
/// another. No text of an operator is ever part of a test: Kea evaluates tests as programs.
enum Firmware: String, CaseIterable, Sendable {
  /// iPXE itself, on any firmware. Excluded from all others, else it would load itself for ever.
  case ipxe
  case bios
  case uefi
  case uefiHTTP = "uefi-http"

  /// A Kea expression. Option 93 is the architecture (RFC 4578 §2.1, IANA's registry for 16), option 77 the user class;
  /// iPXE sends that without RFC 3004's length octet, other builds with it.
  var test: String {
    switch self {
    case .ipxe:
      "option[77].exists and (substring(option[77].hex, 0, 4) == 'iPXE' or substring(option[77].hex, 1, 4) == 'iPXE')"
    case .bios: "option[93].hex == 0x0000 and not member('ipxe')"
    case .uefi: "(option[93].hex == 0x0007 or option[93].hex == 0x0009) and not member('ipxe')"
    case .uefiHTTP:
      "option[93].hex == 0x0010 and substring(option[60].hex, 0, 10) == 'HTTPClient' and not member('ipxe')"
    }
  }

  /// What a machine of this kind loads first. iPXE expands `${netX/mac}` itself, to the card that booted.
  func bootFile(server: IPv4Address, httpPort: UInt16) -> String {
    switch self {
    case .ipxe: "http://\(server):\(httpPort)/v1/boot.ipxe?mac=${netX/mac}"
    case .bios: BootLoader.bios.fileName
    case .uefi: BootLoader.uefi.fileName
    case .uefiHTTP: "http://\(server):\(httpPort)/v1/loader/\(BootLoader.uefi.fileName)"
    }
  }

  func className(server: IPv4Address) -> String { "\(rawValue)-from-\(server)" }
}

extension KeaConfiguration {
  static func writeClasses(of subnets: [ServedSubnet], settings: KeaSettings, to dhcp: inout JSONWriter) {
    dhcp.array("option-def") { definitions in
      definitions.object {
        $0.member("space", "dhcp4")
        $0.member("name", "ipxe")
        $0.member("code", 175)
        $0.member("type", "empty")
        $0.member("encapsulate", "ipxe")
      }
      definitions.object {
        $0.member("space", "ipxe")
        $0.member("name", "no-pxedhcp")
        $0.member("code", 176)
        $0.member("type", "uint8")
      }
    }
    let servers = Set(subnets.compactMap { $0.attachment?.agentAddress }).sorted()
    dhcp.array("client-classes") { classes in
      for firmware in Firmware.allCases { writeKind(firmware, to: &classes) }
      for server in servers {
        for firmware in Firmware.allCases {
          classes.object {
            $0.member("name", firmware.className(server: server))
            $0.member("test", "member('\(firmware.rawValue)')")
            $0.member("only-if-required", true)
            $0.member("next-server", server.description)
            $0.member("boot-file-name", firmware.bootFile(server: server, httpPort: settings.httpPort))
          }
        }
      }
    }
  }

  private static func writeKind(_ firmware: Firmware, to classes: inout JSONWriter) {
    classes.object { kind in
      kind.member("name", firmware.rawValue)
      kind.member("test", firmware.test)
      switch firmware {
      case .ipxe:
        kind.array("option-data") { options in
          options.object {
            $0.member("space", "dhcp4")
            $0.member("code", 175)
            $0.member("always-send", true)
          }
          options.object {
            $0.member("space", "ipxe")
            $0.member("name", "no-pxedhcp")
            $0.member("data", "1")
            $0.member("always-send", true)
          }
        }
      case .uefiHTTP:
        kind.array("option-data") { options in
          options.object {
            $0.member("space", "dhcp4")
            $0.member("name", "vendor-class-identifier")
            $0.member("data", "HTTPClient")
            $0.member("always-send", true)
          }
        }
      case .bios, .uefi: break
      }
    }
  }
}
