import CSyncMgr
import CSyncMgrCommand
import Glibc

// A variable out here would belong to the main actor, and link the concurrency runtime and the
// dispatch library: they take longer to start than a lock.
Dispatch.main()

/// Finds the subcommand and runs it.
enum Dispatch {
  static func main() -> Never {
    let words = (1..<max(Int(command_argument_count()), 1)).map {
      String(cString: command_arguments()[$0]!)
    }
    var status = run(words)
    let flushed = command_flush()
    // Who reads no more has what he wanted.
    if flushed < 0, flushed != -EPIPE, status == 0 {
      printError(
        "syncmgr: the output could not be written: \(String(cString: strerror(-flushed)))")
      status = Exit.failed
    }
    exit(status)
  }

  private static let names = [
    "ls", "show", "top", "graph", "deadlocks", "events", "lock", "semaphore", "election", "latch",
    "barrier", "wait", "signal", "send", "recv", "call", "reply", "shut", "force-release", "clean",
    "doctor",
  ]

  /// The subcommand of this name. Only that one is made: `syncmgr lock` is to begin soon.
  private static func named(_ name: String) -> Subcommand? {
    switch name {
    case "ls": Look.ls
    case "show": Look.show
    case "top": Top.top
    case "graph": Graph.graph
    case "deadlocks": Deadlocks.deadlocks
    case "events": Events.events
    case "lock": Lock.lock
    case "semaphore": Lock.semaphore
    case "election": Lock.election
    case "latch": Meet.latch
    case "barrier": Meet.barrier
    case "wait": Meet.wait
    case "signal": Meet.signal
    case "send": Send.send
    case "recv": Receive.recv
    case "call": Send.call
    case "reply": Send.reply
    case "shut": Send.shut
    case "force-release": Repair.forceRelease
    case "clean": Repair.clean
    case "doctor": Doctor.doctor
    default: nil
    }
  }

  static func run(_ words: [String]) -> Int32 {
    guard let first = words.first else {
      printError(usage)
      return Exit.usage
    }
    switch first {
    case "-h", "--help", "help":
      if words.count > 1, let found = named(words[1]) {
        print(found.help)
      } else {
        print(usage)
      }
      return 0
    case "-V", "--version":
      print("syncmgr \(String(cString: syncmgr_version()))")
      return 0
    default: break
    }
    guard let found = named(first) else {
      printError("syncmgr: there is no command '\(first)'; see syncmgr --help")
      return Exit.usage
    }
    return run(found, Array(words.dropFirst()))
  }

  private static func run(_ subcommand: Subcommand, _ words: [String]) -> Int32 {
    // Until the options are read they may be wrong.
    var wantsJSON = words.prefix { $0 != "--" }.contains("--json")
    do throws(Failure) {
      let invocation = try Invocation(subcommand, words)
      wantsJSON = invocation.isJSON
      if invocation.has("help") {
        print(subcommand.help)
        return 0
      }
      return try subcommand.run(invocation)
    } catch {
      fflush(nil)
      report(error, subcommand, wantsJSON)
      if error.exit == Exit.failed, error.status != "E_TIMEOUT", subcommand.runsCommand {
        return Exit.ownFailure
      }
      return error.exit
    }
  }

  private static func report(_ failure: Failure, _ subcommand: Subcommand, _ asJSON: Bool) {
    if failure.text.isEmpty { return }
    if asJSON {
      let members: [(String, JSONValue)] = [
        ("error", .text(failure.status)), ("text", .text(failure.text)),
        ("exit", .count(failure.exit)),
      ]
      printError(JSONValue.members(members).written)
      return
    }
    printError("syncmgr \(subcommand.name): \(failure.text)")
    if failure.exit == Exit.usage {
      printError("Usage: syncmgr \(subcommand.usage)\nMore: syncmgr \(subcommand.name) --help")
    }
  }

  private static var usage: String {
    var text = """
      Usage: syncmgr COMMAND [OPTION]... [ARGUMENT]...

      Locks, semaphores, barriers, events and messages between processes, and a look at them.

      Commands:

      """
    for subcommand in names.compactMap({ named($0) }) {
      text += "  " + padded(subcommand.name, 15) + subcommand.summary + "\n"
    }
    return text + """

      Every command has --help, and all have:

      \(Option.list(Option.common))
      Environment: SYNCMGR_SPACE is the space where --space is not given, NO_COLOR means no colours.

      Exit status: \(Exit.list)
      """
  }
}
