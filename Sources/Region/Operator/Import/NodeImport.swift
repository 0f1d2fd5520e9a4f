internal import Provisioning
internal import RPC
internal import Store
internal import Wire

/// One import from its first message to its summary.
///
/// All rows are received, then read against the store, then rehearsed batch by batch in transactions that are
/// undone, and only then applied: so what a dry run says is what the store itself said, and nothing is applied
/// while any row is known to be bad. Between two batches others write; what they change in the way of a row that
/// was good is reported like any other problem, and the import can be repeated.
struct NodeImport {
  private let context: RegionContext
  private let actor: Actor
  private let responses: ResponseWriter<MusterV1.ImportNodesResponse>
  private var options = MusterV1.ImportOptions()
  private var spool = ImportSpool()
  private var fates: [Fate] = []
  private var index = ImportIndex()
  /// Nodes that rows are about; the others are absent.
  private var named: Set<NodeID> = []
  private var absent: [NodeID] = []
  private var open: [OpenAddress] = []
  private var chosen: [Int: [Int: IPv4Address]] = [:]
  private var subnets: [SubnetName: SubnetFacts] = [:]
  private var tally = ImportTally()
  private var names: NameSuggestions

  private enum Fate: UInt8 {
    case bad, unchanged, change
  }

  /// An interface that wants a free address.
  private struct OpenAddress: Sendable {
    var row: Int32
    var slot: Int32
    var subnet: SubnetName
  }

  /// Rows of one message.
  static let rowsPerMessageMax = 1_000
  /// Rows read against one snapshot of the store.
  private static let readPage = 500

  init(
    context: RegionContext, actor: Actor, responses: ResponseWriter<MusterV1.ImportNodesResponse>
  ) {
    self.context = context
    self.actor = actor
    self.responses = responses
    names = NameSuggestions(store: context.store)
  }

  mutating func run(_ requests: RequestStream<MusterV1.ImportNodesRequest>) async throws {
    try await receive(requests)
    guard !options.removeAbsent || spool.count > 0 else {
      throw InvalidFields([
        FieldProblem(
          field: "options.remove_absent", value: "true", code: .required, message: "would remove every node, for there are no rows",
          fix: "send the nodes to keep, or delete nodes by name")
      ])
    }
    try await examine()
    try await chooseAddresses()
    if options.removeAbsent, tally.invalid == 0 { try await findAbsent() }
    let batches = try makeBatches()
    let rehearsed = try await rehearse(batches)
    if options.validateOnly || (rehearsed.invalid > 0 && !options.keepGoing) {
      return try await finish(rehearsed, isApplied: false)
    }
    try await apply(batches)
  }

  // MARK: Receiving

  private mutating func receive(_ requests: RequestStream<MusterV1.ImportNodesRequest>) async throws {
    guard case .options(let options)? = try await requests.next()?.message else {
      throw OperatorError.importProtocol("the first message of an import is its options")
    }
    try OperatorWrites.check(options.requestId)
    if case .unrecognized(let key) = options.key {
      throw InvalidFields([
        FieldProblem(
          field: "options.key", value: "\(key)", code: .numberOutOfRange, message: "is not a key",
          fix: "give name, mac or serial")
      ])
    }
    self.options = options
    while let request = try await requests.next() {
      switch request.message {
      case .row(let row): try spool.append(row)
      case .rows(let rows):
        guard rows.rows.count <= Self.rowsPerMessageMax else {
          throw OperatorError.importProtocol("a message has at most \(Self.rowsPerMessageMax) rows")
        }
        for row in rows.rows { try spool.append(row) }
      case .options: throw OperatorError.importProtocol("options come once, before the rows")
      case nil: throw OperatorError.importProtocol("a message without options and rows")
      }
    }
  }

  // MARK: Examining

  private var reader: ImportRowReader { ImportRowReader(key: options.key, force: options.force) }

  private func candidate(_ number: Int) -> ImportCandidate {
    let row = spool[number]
    return ImportCandidate(
      number: number, draft: NodeDraft(row.node ?? MusterV1.Node()), paths: row.mask?.paths ?? [],
      chosen: chosen[number] ?? [:])
  }

  /// Reads every row against the store, finds rows that want the same, and ties those that pass something on.
  private mutating func examine() async throws {
    fates = Array(repeating: .bad, count: spool.count)
    for start in stride(from: 0, to: spool.count, by: Self.readPage) {
      let rows = (start..<min(start + Self.readPage, spool.count)).map(candidate)
      let (readings, facts) = try await context.store.read { [reader, subnets] snapshot in
        try Self.read(rows, by: reader, known: subnets, in: snapshot)
      }
      subnets.merge(facts) { $1 }
      for (row, reading) in zip(rows, readings) { try await take(row.number, reading) }
    }
  }

  private static func read(
    _ rows: [ImportCandidate], by reader: ImportRowReader, known: [SubnetName: SubnetFacts],
    in snapshot: borrowing Snapshot
  ) throws -> ([Result<ImportRowReader.Reading, InvalidFields>], [SubnetName: SubnetFacts]) {
    var facts: [SubnetName: SubnetFacts] = [:]
    var readings: [Result<ImportRowReader.Reading, InvalidFields>] = []
    for row in rows {
      do {
        let reading = try reader.read(row, in: snapshot)
        for interface in reading.after.interfaces + (reading.before?.interfaces ?? []) {
          guard let name = interface.subnet, known[name] == nil, facts[name] == nil,
            let subnet = try snapshot.subnet(named: name)
          else { continue }
          facts[name] = try snapshot.facts(of: subnet)
        }
        readings.append(.success(reading))
      } catch let invalid as InvalidFields {
        readings.append(.failure(invalid))
      }
    }
    return (readings, facts)
  }

  private mutating func take(_ number: Int, _ reading: Result<ImportRowReader.Reading, InvalidFields>) async throws {
    switch reading {
    case .failure(let invalid): try await refuse(number, invalid.problems)
    case .success(let reading):
      if let before = reading.before { named.insert(before.id) }
      let clashes = index.add(number, .init(before: reading.before, after: reading.after), subnets: subnets)
      guard clashes.isEmpty else {
        let problems = clashes.map { ImportMessages.problem($0, earlierLine: spool[$0.row].lines.first ?? 0) }
        return try await refuse(number, problems)
      }
      fates[number] = reading.isUnchanged ? .unchanged : .change
      if reading.isUnchanged { tally.unchanged += 1 }
      for slot in reading.open {
        guard let subnet = reading.after.interfaces[slot].subnet else { continue }
        open.append(OpenAddress(row: Int32(number), slot: Int32(slot), subnet: subnet))
      }
    }
  }

  private mutating func refuse(_ number: Int, _ problems: [FieldProblem]) async throws {
    fates[number] = .bad
    tally.invalid += 1
    let lines = spool[number].lines
    for problem in try await names.improving(problems) {
      try await responses.write(ImportMessages.problem(problem, lines: lines))
    }
  }

  /// Gives every `auto` the lowest address that is free in the store and that no row of the import claims.
  private mutating func chooseAddresses() async throws {
    let wantedBySubnet = Dictionary(grouping: open, by: \.subnet)
    let claims = index.claimed(in: Set(wantedBySubnet.keys.compactMap { subnets[$0]?.dhcpID }))
    for (subnet, wanted) in wantedBySubnet.sorted(by: { $0.key < $1.key }) {
      guard let facts = subnets[subnet] else { continue }
      let claimed = claims[facts.dhcpID] ?? []
      let found = try await context.store.read { snapshot in
        var search = FreeAddressSearch(facts, from: nil)
        for address in claimed { search.claim(address) }
        return try wanted.map { _ in try search.next { try snapshot.takenAddresses(facts.dhcpID, from: $0) } }
      }
      for (place, address) in zip(wanted, found) {
        if let address {
          chosen[Int(place.row), default: [:]][Int(place.slot)] = address
        } else if fates[Int(place.row)] != .bad {
          try await refuse(
            Int(place.row),
            [
              FieldProblem(
                field: "interfaces[\(place.slot)].address", value: "auto", code: .addressesExhausted,
                message: "finds no free address in \(subnet)", fix: "remove nodes or shrink the pool")
            ])
        }
      }
    }
    open = []
  }

  /// Finds the nodes that no row is about. Machines that only enlisted were never the import's.
  private mutating func findAbsent() async throws {
    var key: [UInt8]? = []
    while let after = key {
      let page = try await context.store.read { try $0.nodes(after: after, limit: Self.readPage) }
      for node in page.items where node.state != .new && !named.contains(node.id) {
        let number = spool.count + absent.count
        absent.append(node.id)
        _ = index.add(number, .init(before: node, after: nil), subnets: subnets)
      }
      key = page.next
    }
  }

  private func makeBatches() throws -> [[Int]] {
    let rows = spool.count
    do {
      return try index.batches(count: rows + absent.count) { $0 >= rows || fates[$0] == .change }
    } catch {
      throw OperatorError.importProtocol(
        "\(error.count) rows exchange names, MACs or addresses with each other; at most \(ImportBatches.rowsMax) can")
    }
  }
}

// MARK: Writing

extension NodeImport {
  /// What a batch asks of the store, and what came of it.
  private struct Batch: Sendable {
    var rows: [ImportCandidate]
    var removals: [NodeID]
  }

  private struct BatchOutcome: Sendable {
    /// By the batch's order: rows, then removals; nil for a node that was removed meanwhile.
    var results: [NodeWriteResult]
    /// Rows that were refused before the store was asked.
    var unreadable: [Int: InvalidFields]
    /// The number of each result's row.
    var numbers: [Int]
    var generations: [SubnetGeneration]
  }

  private func batch(_ numbers: [Int]) -> Batch {
    Batch(
      rows: numbers.filter { $0 < spool.count && fates[$0] != .bad }.map(candidate),
      removals: numbers.filter { $0 >= spool.count }.map { absent[$0 - spool.count] })
  }

  private static func carryOut(
    _ batch: Batch, by reader: ImportRowReader, actor: Actor, mode: BatchMode, in transaction: inout Transaction
  ) throws -> BatchOutcome {
    var outcome = BatchOutcome(results: [], unreadable: [:], numbers: [], generations: [])
    var writes: [NodeWrite] = []
    for row in batch.rows {
      do {
        writes.append(reader.write(try reader.read(row, in: transaction)))
        outcome.numbers.append(row.number)
      } catch let invalid as InvalidFields {
        outcome.unreadable[row.number] = invalid
      }
    }
    for id in batch.removals where try transaction.node(id) != nil {
      writes.append(.remove(id))
      outcome.numbers.append(-1)
    }
    if mode == .allOrNone, !outcome.unreadable.isEmpty { return outcome }
    do {
      let written = try transaction.write(writes, by: actor, mode: mode)
      try NodeEvents(written.results.filter(\.isDone), actor: actor).record(in: &transaction)
      outcome.results = written.results
      outcome.generations = written.generations
    } catch let refused as BatchRefused {
      outcome.results = writes.indices.map { position in
        NodeWriteResult(
          outcome: refused.refusals[position].map { .refused($0) } ?? .done(.unchanged), node: nil, before: nil)
      }
    }
    return outcome
  }

  /// Runs all batches against the store and undoes them.
  private mutating func rehearse(_ batches: [[Int]]) async throws -> ImportTally {
    var rehearsed = tally
    for numbers in batches {
      let outcome = try await context.store.rehearse { [batch = batch(numbers), reader, actor] transaction in
        try Self.carryOut(batch, by: reader, actor: actor, mode: .goodOnes, in: &transaction)
      }
      let badBefore = tally.invalid
      try await takeRefusals(outcome)
      rehearsed.invalid += tally.invalid - badBefore
      try await count(outcome, into: &rehearsed, showsChanges: options.validateOnly)
    }
    return rehearsed
  }

  /// Applies the batches whose rows are good.
  private mutating func apply(_ batches: [[Int]]) async throws {
    let mode: BatchMode = options.keepGoing ? .goodOnes : .allOrNone
    let total = batches.reduce(0) { $0 + $1.count }
    var published = 0
    for numbers in batches {
      let batch = batch(numbers)
      let badBefore = tally.invalid
      let outcome = try await context.store.write { [reader, actor] transaction in
        try Self.carryOut(batch, by: reader, actor: actor, mode: mode, in: &transaction)
      }
      try await takeRefusals(outcome)
      if tally.invalid > badBefore, !options.keepGoing { break }
      try await count(outcome, into: &tally, showsChanges: true)
      published += numbers.count
      try await responses.write(ImportMessages.progress(published: published, total: total))
    }
    try await finish(tally, isApplied: true)
  }

  private mutating func takeRefusals(_ outcome: BatchOutcome) async throws {
    for (number, invalid) in outcome.unreadable.sorted(by: { $0.key < $1.key }) {
      try await refuse(number, invalid.problems)
    }
    for (number, result) in zip(outcome.numbers, outcome.results) where number >= 0 {
      guard case .refused(let refusal) = result.outcome else { continue }
      try await refuse(number, ImportMessages.problems(refusal, name: spool[number].node?.name ?? ""))
    }
  }

  private func count(_ outcome: BatchOutcome, into tally: inout ImportTally, showsChanges: Bool) async throws {
    for result in outcome.results {
      guard case .done(let done) = result.outcome, result.node != nil else { continue }
      tally.count(done)
      guard options.reportChanges, showsChanges, let change = ImportMessages.change(result) else { continue }
      try await responses.write(change)
    }
    tally.note(outcome.generations)
  }

  private func finish(_ tally: ImportTally, isApplied: Bool) async throws {
    let ids = tally.generations.keys.sorted()
    let owners = try await context.store.read { snapshot in
      Set(try ids.compactMap { try snapshot.subnet($0)?.progress.owner })
    }
    try await responses.write(tally.summary(agents: owners.count, isApplied: isApplied))
  }
}

extension NodeWriteResult {
  fileprivate var isDone: Bool {
    if case .done = outcome { true } else { false }
  }
}
