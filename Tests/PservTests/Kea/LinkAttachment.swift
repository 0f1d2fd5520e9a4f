@testable import Pserv

/// The rack's attachment under a name of its own: beside it stands Testing's, and `Pserv.Attachment` would look into the
/// type `Pserv`.
typealias LinkAttachment = Attachment
