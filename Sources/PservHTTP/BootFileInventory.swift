internal import Crypto
internal import NIOPosix
package import Provisioning
package import Pserv
internal import Synchronization

/// Knows the files that profiles name by their SHA-256. A file is read again only after it changed.
package final class BootFileInventory: BootFileSource {
  package let root: String
  private let files: RootedFiles
  private let known = Mutex<[BootPath: Known]>([:])

  private struct Known: Sendable {
    var version: RootedFile.Version
    var sha256: [UInt8]
  }

  private static let chunkBytes = 1 << 20

  package init(root: String) {
    self.root = root
    files = RootedFiles(root: root)
  }

  package func describe(_ paths: [BootPath]) async -> [BootFileState] {
    let wanted = Set(paths)
    known.withLock { $0 = $0.filter { wanted.contains($0.key) } }
    var states: [BootFileState] = []
    for path in paths { states.append(await describe(path)) }
    return states
  }

  private func describe(_ path: BootPath) async -> BootFileState {
    let missing = BootFileState(path: path, sha256: [], sizeBytes: 0)
    do {
      // Hashing a kernel takes a tenth of a second and waits for the disk: not on a thread that answers machines.
      return try await NIOThreadPool.singleton.runIfActive { [self] in
        guard let file = files.open(path) else { return missing }
        if let old = known.withLock({ $0[path] }), old.version == file.version {
          return BootFileState(path: path, sha256: old.sha256, sizeBytes: file.version.sizeBytes)
        }
        var hash = SHA256()
        var offset: UInt64 = 0
        while true {
          let chunk = try file.read(at: offset, count: Self.chunkBytes)
          if chunk.isEmpty { break }
          hash.update(data: chunk)
          offset += UInt64(chunk.count)
        }
        let digest = Array(hash.finalize())
        // Written while it was read: it is reported as missing, and read again the next time.
        guard let again = files.open(path), again.version == file.version else { return missing }
        known.withLock { $0[path] = Known(version: file.version, sha256: digest) }
        return BootFileState(path: path, sha256: digest, sizeBytes: file.version.sizeBytes)
      }
    } catch {
      return missing
    }
  }
}
