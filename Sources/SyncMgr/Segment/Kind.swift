import CSyncMgrShim

/// What recovery needs to know of a type of object. The primitives above fill the table in; the
/// floors below know nothing else of them. All run under the object's guard.
struct Kind: Sendable {
  /// Whether a grant is something that can be given back.
  let holdsGrants: Bool
  /// Derives a legal state from cells and holdings, whatever store the last visitor died at, and
  /// wakes whoever is due.
  let repair: @Sendable (Attachment, Object) -> Void
  /// Ends what `holding` has of the object. `died`: its process is dead, else it closes.
  let abandon: @Sendable (Attachment, Object, Holding, _ died: Bool) -> Void
  /// A waiter was taken out of the line, not granted: pass on what it was woken for.
  let withdrawn: @Sendable (Attachment, Object, Cell) -> Void
  /// A grant that its dead waiter never saw, or that was not wanted any more.
  let refused: @Sendable (Attachment, Object, Cell) -> Void
  /// The end of a wait is a turn to look, and no grant: a turn that is not used goes to the next.
  /// By `refused`, as often as one likes.
  var givesTurns = false
  /// What the end of a wait's time does, where that is more than to end the wait. Not under the
  /// guard. The wait may be another by now: `isRight` tells, under the guard.
  var expire: (@Sendable (Attachment, Object, Cell, (Cell) -> Bool) -> Void)?
  /// Gives a signal to the next, for a waiter that had it and is gone. Not under the guard.
  var passOn: @Sendable (Attachment, Object) -> Void = { _, _ in }
  /// Whether the workstream still has the hold that the holding's lease belongs to.
  var isLeased: @Sendable (Object, Holding) -> Bool = { _, holding in holding.amount.load() > 0 }
  /// Takes away by force what `holding` holds: its workstream lives, and finds the lost mark.
  var take: @Sendable (Attachment, Object, Holding) -> Void = { _, _, _ in }
  /// What the wait-for graph needs to know: how much there is, and who has it. Nil where nobody in
  /// particular can end a wait: whoever waits there is taken to go on some time.
  var supply: @Sendable (Object) -> Supply? = { _ in nil }
  /// For what ends when certain workstreams come: who is not there. Read without the guard.
  var absent: @Sendable (Attachment, Object) -> Absence? = { _, _ in nil }
  /// What `holding` has of the object; nil when it has nothing.
  var held: @Sendable (Object, Holding) -> Held? = { _, _ in nil }
  /// What the workstream of `holding` waits for there, where waits are not in line.
  var asleep: @Sendable (Holding) -> LooseWait? = { _ in nil }
  /// The mode in which so much of it is held or asked for, where there are modes.
  var mode: @Sendable (_ amount: UInt32) -> StaticString? = { _ in nil }
  /// How often it was taken; nil for what is not taken.
  var acquisitions: @Sendable (Object) -> UInt64? = { _ in nil }
  /// Writes the members of the object's parameters, and of its state, for the window. Without the
  /// guard: what it reads may be of different moments.
  var parameters: @Sendable (Attachment, Object, inout JSON) -> Void = { _, _, _ in }
  var state: @Sendable (Attachment, Object, inout JSON) -> Void = { _, _, _ in }
  /// The process of a workstream died, whether the workstream has the object open or not. For types
  /// that wait for workstreams by name, see `header.syncPoints`.
  var streamDied: (@Sendable (Attachment, Object, Workstream) -> Void)?
  /// An object that nobody has open is about to be removed. Under the directory guard.
  var removed: @Sendable (Attachment, Object) -> Void = { _, _ in }
  /// A process died, and what it held and waited for is settled: makes whole what it left half done
  /// in the object besides, and wakes whom it did not get to wake. For types with parts of their
  /// own; not under the guard.
  var settle: (@Sendable (Attachment, Object, _ dead: UInt32) -> Void)?
  /// A workstream has left the object, by closing its last handle or by dying: for what cannot be
  /// done in `abandon`, under the guard. It may have opened it anew, with another holding.
  var left: (@Sendable (Attachment, Object, Holding) -> Void)?
  /// A writer died under the send guard of the object's mailbox: makes whole what the type has
  /// there besides. Under that guard.
  var repairSending: (@Sendable (Attachment, Object) -> Void)?
  /// Why an object that nobody has open is not to be removed; nil when it may be.
  var refusesRemoval: @Sendable (Attachment, Object) -> StaticString? = { _, _ in nil }
  /// Faults of a quiet object, in words; nil when there are none.
  let check: @Sendable (Attachment, Object) -> String?
  /// These kinds of notices are wanted from now on: for a type whose fast path looks at one word
  /// only. At any time, without the guard.
  var watched: (@Sendable (Object, UInt32) -> Void)?
}

extension Kind {
  /// For numbers that are no type.
  static let none = Kind(
    holdsGrants: false, repair: { _, _ in }, abandon: { _, _, _, _ in }, withdrawn: { _, _, _ in },
    refused: { _, _, _ in }, check: { _, _ in nil })
}

/// How much of an object there is, for the wait-for graph.
enum Supply {
  /// One, and who has it: an owner id, or 0.
  case single(owner: UInt32)
  /// So many, of which holdings have `amount`. Waiters are served in the order of the line.
  case counted(total: UInt32)
  /// So many, of which holdings have `amount`. Those who wait have asked for `index` more.
  case recorded(total: UInt32)
}

/// A wait that stands in no line, as the window shows it.
struct LooseWait {
  /// Monotonic ns.
  var since: UInt64
  var order: UInt64 = 0
  var amount: UInt32 = 0
}

/// Who is not there where others wait.
struct Absence {
  /// How many have yet to come before the wait is over, and how many can.
  var needed: Int64
  var missing: Int64 = 0
  /// Those of them that live: owner ids.
  var owners: [UInt32] = []
}

/// A hold, as the window shows it.
struct Held {
  var amount: UInt32
  /// Fencing token; 0 for none.
  var token: UInt64 = 0
}

enum Kinds {
  /// By object type. Written once, before the first attachment is made.
  nonisolated(unsafe) static var table: [Kind] = []

  static func of(_ object: Object) -> Kind? {
    let type = Int(object.type.load()) - 1
    return table.indices.contains(type) ? table[type] : nil
  }
}
