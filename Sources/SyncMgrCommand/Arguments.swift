/// What a program that calls `syncmgr` can tell from its exit status.
enum Exit {
  static let failed: Int32 = 1
  static let usage: Int32 = 2
  /// As timeout(1) has it.
  static let timedOut: Int32 = 124
  /// A command was to be run, and something else failed.
  static let ownFailure: Int32 = 125
  static let notExecutable: Int32 = 126
  static let notFound: Int32 = 127

  static let list = """
    0 done; 1 failed; 2 wrong usage; 124 the time passed (see -E).
    lock, semaphore and election end as the COMMAND they run does, with 128 + n when
    signal n killed it; 125 when syncmgr itself fails, 126 when COMMAND cannot be run,
    127 when there is no such COMMAND.
    """
}

/// Why a subcommand ends early. With an empty text everything was said already.
struct Failure: Error {
  var exit: Int32 = Exit.failed
  /// Name of the library's status, or what is closest to it.
  var status = "E_INVALID"
  var text: String

  static func usage(_ text: String) -> Failure { Failure(exit: Exit.usage, text: text) }
}

struct Option: Sendable {
  let long: String
  var short: Character?
  /// What its value is called; nil when it has none.
  var value: String?
  let help: String

  static let common = [
    Option(
      long: "space", short: "s", value: "URL", help: "the space: shm:NAME[?store=FILE], or NAME"),
    Option(long: "json", help: "write JSON"),
    Option(long: "help", short: "h", help: "show this text"),
  ]
  static let persistent = Option(
    long: "persistent", help: "keep the space when its last process leaves it")
  static let timeout = Option(
    long: "timeout", short: "t", value: "TIME",
    help: "how long to wait: 5, 0.5s, 200ms, 2m; 0 only tries")
  static let conflict = Option(
    long: "conflict-exit-code", short: "E", value: "N",
    help: "exit status when the time passed, instead of 124")
  static let fair = Option(long: "fair", help: "strictly first come, first served")

  static func list(_ options: [Option]) -> String {
    options.map { option in
      let short = option.short.map { "-\($0), " } ?? "    "
      let value = option.value.map { " \($0)" } ?? ""
      return "  " + padded("\(short)--\(option.long)\(value)", 30) + option.help
    }.joined(separator: "\n")
  }
}

struct Subcommand: Sendable {
  let name: String
  /// What follows the name.
  let arguments: String
  let summary: String
  var options: [Option] = []
  var details = ""
  /// How many arguments it takes, a COMMAND not counted.
  var count: ClosedRange<Int> = 0...0
  /// Whether what follows the arguments is a command line to run.
  var runsCommand = false
  let run: @Sendable (Invocation) throws(Failure) -> Int32

  var allOptions: [Option] { options + Option.common }
  var usage: String { "\(name) [OPTION]... \(arguments)" }

  var help: String {
    var text = "Usage: syncmgr \(usage)\n\n\(summary).\n"
    if !details.isEmpty { text += "\n\(details)\n" }
    return text + "\nOptions:\n\(Option.list(allOptions))\n\nExit status: \(Exit.list)"
  }
}

/// The words of a call, sorted.
struct Invocation {
  private(set) var values: [String: String] = [:]
  private(set) var arguments: [String] = []
  private(set) var command: [String] = []

  init(_ subcommand: Subcommand, _ words: [String]) throws(Failure) {
    var rest = words[...]
    while let word = rest.popFirst() {
      if word == "--" {
        if subcommand.runsCommand { command = Array(rest) } else { arguments += rest }
        break
      }
      if word.hasPrefix("-"), word.utf8.count > 1 {
        try take(word, &rest, subcommand)
      } else if subcommand.runsCommand, arguments.count == subcommand.count.upperBound {
        command = [word] + rest
        break
      } else {
        arguments.append(word)
      }
    }
    if has("help") { return }
    if arguments.count > subcommand.count.upperBound {
      throw .usage("'\(arguments[subcommand.count.upperBound])' is one argument too many")
    }
    if arguments.count < subcommand.count.lowerBound { throw .usage("an argument is missing") }
  }

  private mutating func take(
    _ word: String, _ rest: inout ArraySlice<String>, _ subcommand: Subcommand
  ) throws(Failure) {
    var name = word
    var value: String?
    let option: Option?
    if word.hasPrefix("--") {
      if let equals = word.firstIndex(of: "=") {
        value = String(word[word.index(after: equals)...])
        name = String(word[..<equals])
      }
      option = subcommand.allOptions.first { "--" + $0.long == name }
    } else {
      let letter = word[word.index(after: word.startIndex)]
      option = subcommand.allOptions.first { $0.short == letter }
      name = "-\(letter)"
      let tail = String(word.dropFirst(2))
      if !tail.isEmpty, option?.value != nil {
        value = tail
      } else if !tail.isEmpty, option != nil {
        rest = ["-" + tail] + rest
      }
    }
    guard let option else { throw .usage("there is no option \(name)") }
    if option.value == nil {
      if value != nil { throw .usage("the option --\(option.long) takes no value") }
      values[option.long] = ""
      return
    }
    guard let given = value ?? rest.popFirst() else {
      throw .usage("the option --\(option.long) needs a value")
    }
    values[option.long] = given
  }

  func has(_ name: String) -> Bool { values[name] != nil }
  var isJSON: Bool { has("json") }

  func number(_ name: String, _ range: ClosedRange<Int>) throws(Failure) -> Int? {
    guard let text = values[name] else { return nil }
    guard let number = Int(text), range.contains(number) else {
      throw .usage(
        "--\(name) is a number from \(range.lowerBound) to \(range.upperBound), not '\(text)'")
    }
    return number
  }

  /// Nanoseconds; nil when it was not given.
  func duration(_ name: String) throws(Failure) -> Int64? {
    guard let text = values[name] else { return nil }
    return try SyncMgrCommand.duration(text, "--\(name)")
  }

  /// The time of a wait, -1 for ever.
  func timeout() throws(Failure) -> Int64 { try duration("timeout") ?? -1 }

  func conflictExit() throws(Failure) -> Int32 {
    Int32(try number("conflict-exit-code", 0...255) ?? Int(Exit.timedOut))
  }
}

/// Nanoseconds; `what` is how the one who wrote the text calls it.
func duration(_ text: String, _ what: String) throws(Failure) -> Int64 {
  let units: [(String, Double)] = [
    ("ms", 1e6), ("us", 1e3), ("s", 1e9), ("m", 60e9), ("h", 3600e9), ("d", 86400e9), ("", 1e9),
  ]
  for (suffix, factor) in units where text.hasSuffix(suffix) {
    let digits = text.dropLast(suffix.utf8.count)
    guard digits.allSatisfy({ $0.isASCII && ($0.isNumber || $0 == ".") }),
      let number = Double(digits)
    else { break }
    return Int64(min(number * factor, 4e18).rounded(.up))
  }
  throw .usage("\(what) is a time such as 5, 0.5s, 200ms or 2m, not '\(text)'")
}
