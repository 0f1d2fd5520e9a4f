internal import Provisioning
internal import Settings

extension SettingsReader {
  mutating func agentName(hostName: String) -> AgentName {
    let word = text(.name) ?? String(hostName.prefix { $0 != "." })
    do throws(ResourceNameError) { return try AgentName(word) } catch {
      report(.name, "'\(printable(word, octetsMax: 64))' \(error): \(error.fix)")
      return "invalid"
    }
  }

  mutating func interfaces(_ key: SettingKey) -> [String: FabricName] {
    var interfaces: [String: FabricName] = [:]
    for word in resolver.resolve(key).words where !word.isEmpty {
      let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      let name = parts[0]
      guard Self.isInterface(name) else {
        report(key, "'\(printable(name, octetsMax: 64))' is not an interface's name. Write 1 to 15 characters without '/' and spaces")
        continue
      }
      guard interfaces[name] == nil else {
        report(key, "\(name) is given twice. Remove one of them")
        continue
      }
      do throws(ResourceNameError) {
        interfaces[name] = try FabricName(parts.count == 2 ? parts[1] : "")
      } catch {
        report(key, "the fabric of \(name) \(error): \(error.fix)")
      }
    }
    if interfaces.count > PservSettings.interfacesMax {
      report(key, "\(interfaces.count) interfaces; at most \(PservSettings.interfacesMax) can be served")
    }
    return interfaces
  }

  /// As the kernel takes them (dev_valid_name), and printable.
  private static func isInterface(_ name: String) -> Bool {
    !name.isEmpty && name != "." && name != ".." && name.utf8.count <= PservSettings.interfaceOctetsMax
      && name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: ":") }
  }
}
