import CSyncMgr
import CSyncMgrCommand
import Glibc

let words = (1..<max(Int(command_argument_count()), 1)).map {
  String(cString: command_arguments()[$0]!)
}
let status = Dispatch.run(words)
fflush(nil)
exit(status)

/// Finds the subcommand and runs it.
enum Dispatch {
  static let all: [Subcommand] = [
    Look.ls, Look.show, Top.top, Graph.graph, Events.events, Lock.lock, Lock.semaphore,
    Lock.election,
    Meet.latch, Meet.barrier, Meet.wait, Meet.signal, Repair.forceRelease, Repair.clean,
    Doctor.doctor,
  ]

  static func run(_ words: [String]) -> Int32 {
    guard let first = words.first else {
      printError(usage)
      return Exit.usage
    }
    switch first {
    case "-h", "--help", "help":
      if words.count > 1, let found = all.first(where: { $0.name == words[1] }) {
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
    guard let found = all.first(where: { $0.name == first }) else {
      printError("syncmgr: there is no command '\(first)'; see syncmgr --help")
      return Exit.usage
    }
    return run(found, Array(words.dropFirst()))
  }

  private static func run(_ subcommand: Subcommand, _ words: [String]) -> Int32 {
    let wantsJSON = words.prefix { $0 != "--" }.contains("--json")
    do throws(Failure) {
      let invocation = try Invocation(subcommand, words)
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

      Locks, semaphores, barriers and events between processes, and a look at them.

      Commands:

      """
    for subcommand in all {
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
