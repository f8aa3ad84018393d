import CSyncMgr
import CSyncMgrCommand
import Glibc

/// Waiting for an object, and running a program while it is held.
enum Running {
  /// Waits for what `start` begins, in a way that a signal ends: then everything is given back
  /// before this process ends by it. `start` gets the time and where the ticket goes; `refuse`
  /// tells the others that what was waited for is not used.
  static func wait(
    _ space: Space, _ timeout: Int64, timedOut: Int32, refuse: () -> Void = {},
    _ start: (Int64, UnsafeMutablePointer<OpaquePointer?>) -> Int32
  ) throws(Failure) -> (status: Int32, record: syncmgr_record_t?) {
    command_catch_signals()
    var ticket: OpaquePointer?
    let status = start(timeout, &ticket)
    if status != SYNCMGR_PENDING { return (try check(status, timedOut: timedOut), nil) }
    var record = syncmgr_record_t()
    while true {
      let outcome = syncmgr_ticket_wait(ticket, SYNCMGR_FOREVER, &record)
      if outcome == SYNCMGR_OK, command_caught() != 0 { refuse() }
      Signals.end(space)
      if outcome == SYNCMGR_INTERRUPTED || outcome == SYNCMGR_PENDING { continue }
      if outcome == SYNCMGR_E_TIMEOUT {
        throw Failure(exit: timedOut, status: "E_TIMEOUT", text: "the time passed")
      }
      return (try check(outcome, timedOut: timedOut), record)
    }
  }

  /// Runs the command with `settings`, each NAME=value, in its environment. Returns its exit
  /// status.
  static func run(_ command: [String], _ settings: [String]) throws(Failure) -> Int32 {
    command_catch_signals()
    fflush(nil)
    var arguments = command.map { strdup($0) }
    arguments.append(nil)
    var environment = settings.map { strdup($0) }
    environment.append(nil)
    var status: Int32 = 0
    let error = command_run(arguments, environment, &status)
    if error == 0 { return command_exit_status(status) }
    let isMissing = -error == ENOENT
    throw Failure(
      exit: isMissing ? Exit.notFound : Exit.notExecutable,
      status: isMissing ? "E_NOT_FOUND" : "E_SYSTEM",
      text: "\(command[0]): " + String(cString: strerror(-error)))
  }
}

enum Signals {
  /// Ends this process when a signal came, with everything given back.
  static func end(_ space: Space) {
    let signal = command_caught()
    if signal == 0 { return }
    space.close()
    command_end_by(signal)
  }
}
