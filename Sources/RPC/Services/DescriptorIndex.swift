/// Finds the files that describe a symbol, for server reflection.
struct DescriptorIndex: Sendable {
  private let files: [String: FileDescriptor]
  private let filesBySymbol: [String: String]
  let serviceNames: [String]

  /// - Parameter files: With those they import; a file may come several times.
  init(files: [FileDescriptor], serviceNames: [String]) {
    var byName: [String: FileDescriptor] = [:]
    var bySymbol: [String: String] = [:]
    for file in files {
      byName[file.name] = file
      for symbol in file.symbols { bySymbol[symbol] = file.name }
    }
    self.files = byName
    self.filesBySymbol = bySymbol
    self.serviceNames = Set(serviceNames).sorted()
  }

  enum Question {
    case file(String)
    case symbol(String)
    case services
    case extensions(of: String)
    case other
  }

  enum Answer {
    /// Serialised file descriptors: the one asked for first, then what it imports, directly or not.
    case files([[UInt8]])
    case services([String])
    case error(StatusCode, String)
  }

  func answer(_ question: Question) -> Answer {
    switch question {
    case .services: return .services(serviceNames)
    case .file(let name):
      return files[name] == nil ? .error(.notFound, "unknown file \(name)") : .files(withImports(name))
    case .symbol(let symbol):
      guard let name = filesBySymbol[symbol] else { return .error(.notFound, "unknown symbol \(symbol)") }
      return .files(withImports(name))
    // proto3 has no extensions but of options, which nobody asks a server for.
    case .extensions(let type): return .error(.notFound, "\(type) has no extensions")
    case .other: return .error(.invalidArgument, "the request asks for nothing")
    }
  }

  private func withImports(_ name: String) -> [[UInt8]] {
    var seen: Set<String> = [name]
    var queue = [name]
    var result: [[UInt8]] = []
    var index = 0
    while index < queue.count {
      if let file = files[queue[index]] {
        result.append(file.serialized)
        for dependency in file.dependencies where seen.insert(dependency).inserted { queue.append(dependency) }
      }
      index += 1
    }
    return result
  }
}
