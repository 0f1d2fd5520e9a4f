/// Stands in for the region's own, which needs the whole store: the one number that its settings ask for.
enum Housekeeping {
  static let eventsKeepMax: Duration = .seconds(7 * 24 * 3600)
}
