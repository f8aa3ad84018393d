import Testing

/// A small sequential description of an object, beside the object itself.
///
/// Each step does one random call on the object, says what the description expects of it, and
/// changes the description accordingly. Nothing runs at the same time, so that every outcome is
/// certain.
protocol Model {
  /// Makes the object under a name of its own.
  init(in space: Space, name: String, random: inout Random) throws

  /// Does one step.
  mutating func step(_ random: inout Random, _ log: inout Log) throws
}

/// What was done in one sequence, and whether something was not as expected.
struct Log {
  private(set) var lines: [String] = []
  private(set) var hasFailed = false

  /// Notes a call and what it gave; anything but what was `expected` is a failure.
  mutating func expect<Value: Equatable>(_ call: String, _ value: Value, _ expected: Value...) {
    let isExpected = expected.contains(value)
    let wanted = expected.map { "\($0)" }.joined(separator: " or ")
    lines.append(isExpected ? "\(call) is \(value)" : "\(call) is \(value), NOT \(wanted)")
    if !isExpected { hasFailed = true }
  }
}

/// Runs random sequences of one model, and shows the first that fails with the seed to replay it.
func runSequences<Tested: Model>(
  of model: Tested.Type, in kind: Kind, sequences: Int = 25, steps: Int = 120,
  sourceLocation: SourceLocation = #_sourceLocation
) throws {
  try withSpace(kind, sourceLocation: sourceLocation) { space in
    for sequence in 0..<sequences {
      var random = Random(seed: sequenceSeed(sequence))
      var log = Log()
      var tested = try Tested(in: space, name: "object \(sequence)", random: &random)
      for _ in 0..<steps where !log.hasFailed { try tested.step(&random, &log) }
      if log.hasFailed {
        let story = log.lines.suffix(60).joined(separator: "\n  ")
        Issue.record(
          "SEED=\(runSeed), sequence \(sequence):\n  \(story)", sourceLocation: sourceLocation)
        return
      }
    }
  }
}

/// One workstream of a model, with its object and the wait it has started.
struct Actor<Object: Waiting> {
  /// Tells it from the one that had its place before.
  let number: Int
  let workstream: Workstream
  let object: Object
  var ticket: Ticket?
}

/// The workstreams of a model. One that closes is replaced by a new one.
struct Cast<Object: Waiting> {
  private let space: Space
  private let open: (Workstream) throws -> Object
  private var made = 0
  var actors: [Actor<Object>] = []

  init(_ count: Int, in space: Space, open: @escaping (Workstream) throws -> Object) throws {
    self.space = space
    self.open = open
    for _ in 0..<count { actors.append(try next()) }
  }

  private mutating func next() throws -> Actor<Object> {
    made += 1
    let workstream = try space.workstream()
    return Actor(number: made, workstream: workstream, object: try open(workstream))
  }

  /// Closes the workstream at `place` and puts a new one there.
  mutating func replace(_ place: Int, _ log: inout Log) throws {
    log.expect("\(actors[place].number): close workstream", actors[place].workstream.close(), .ok)
    actors[place] = try next()
  }
}
