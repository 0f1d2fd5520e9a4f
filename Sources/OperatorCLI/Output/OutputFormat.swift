internal import ArgumentParser

/// How data is printed on stdout.
package enum OutputFormat: String, ExpressibleByArgument, CaseIterable, Sendable {
  case table
  case json
  /// Names alone, one a line: for pipes.
  case name
}
