import CSyncMgr
import CSyncMgrShim

/// What a manager handle stands for: this process's use of a space.
final class Manager {
  let attachment: Attachment
  let hasThreads: Bool
  /// Under the process's lock.
  var streams: [Stream] = []
  var queues: [(handle: UInt64, queue: Queue)] = []
  let dispatcher: Dispatcher
  private(set) var prevention: PreventionSettings?

  init(_ attachment: Attachment, hasThreads: Bool) {
    self.attachment = attachment
    self.hasThreads = hasThreads
    dispatcher = Dispatcher(attachment)
  }

  static func of(_ slot: Slot) -> Manager {
    Unmanaged<Manager>.fromOpaque(slot.pointee.context.unsafelyUnwrapped).takeUnretainedValue()
  }

  static func open(_ space: Space, _ request: OpenRequest) throws(Failure) -> UInt64 {
    try AllKinds.install()
    var request = request
    request.recover = { $0.recoverDead(thorough: true) }
    request.rescue = { (attachment) throws(Failure) in
      attachment.recoverDead(thorough: true)
      try attachment.leaveStore(isLast: true)
    }
    let attachment = try Attaching.attach(space, request)
    let hasThreads = !request.has(SYNCMGR_OPEN_NO_THREADS)
    let manager = Manager(attachment, hasThreads: hasThreads)
    do throws(Failure) {
      let slot = try Handles.allocate(.manager, attachment.id)
      slot.pointee.context = Unmanaged.passRetained(manager).toOpaque()
      do throws(Failure) {
        if hasThreads, attachment.isShared { try Service.serve(attachment) }
      } catch {
        slot.pointee.context = nil
        Unmanaged.passUnretained(manager).release()
        Handles.free(slot)
        throw error
      }
      // Whoever died here before us, in a persistent segment perhaps all of them.
      if attachment.isShared { attachment.recoverDead(thorough: true) }
      StoreDisk(attachment)?.resume()
      return Handles.publish(slot, .manager)
    } catch {
      leave(attachment) { Service.forget(attachment) }
      throw error
    }
  }

  static func close(_ handle: UInt64) throws(Failure) {
    let slot = try Handles.enter(handle, .manager)
    let manager = of(slot)
    let attachment = manager.attachment
    let isFirst = Handles.retire(slot, handle)
    sm_leave()
    if !isFirst { throw Failure(SYNCMGR_E_CLOSED, "the manager was closed") }
    manager.dispatcher.stop()
    // Calls that open something come out first: what they opened is in the lists then.
    Closing.waitForCalls(attachment, in: [slot])
    let (streams, queues) = Local.always { _ in
      let all = (manager.streams, manager.queues)
      manager.streams = []
      manager.queues = []
      return all
    }
    Stream.close(streams, attachment, endsTickets: true)
    for (handle, queue) in queues { queue.close(handle) }
    Unmanaged.passUnretained(manager).release()
    slot.pointee.context = nil
    Handles.free(slot)
    leave(attachment) {
      Service.forget(attachment)
      Closing.endTickets(attachment)
    }
  }

  private static func leave(_ attachment: Attachment, _ ending: () -> Void) {
    Attaching.detach(attachment, ending) { isLast in
      do throws(Failure) {
        try attachment.leaveStore(isLast: isLast)
        return true
      } catch { return false }
    }
  }

  // MARK: - Deadlocks

  /// Starts the service thread for the space, unless threads are refused.
  func serve() throws(Failure) { if hasThreads { try Service.serve(attachment) } }

  /// The same, for a call on an object.
  static func serve(_ caller: Caller) throws(Failure) {
    if caller.attachment.served.load() == Served.yes { return }
    guard let stream = Possessions.of(caller) as? Stream else { return }
    try stream.manager.serve()
  }

  /// Chooses what is done so that no deadlock happens, for objects that are opened from now on.
  func prevent(_ settings: PreventionSettings) throws(Failure) {
    // A wounded holder is waited for by the service thread, when the wait was a started one.
    if settings.strategy == SYNCMGR_PREVENT_WOUND_WAIT { try serve() }
    let isNothing = settings.strategy == SYNCMGR_PREVENT_NOTHING && !settings.watchesOrder
    Local.always { _ in
      prevention = isNothing ? nil : settings
      for stream in streams { stream.prevention = prevention }
    }
  }

  // MARK: - Queues

  func openQueue(_ flags: UInt32, _ wakeFD: Int32) throws(Failure) -> UInt64 {
    if flags != 0 { throw Failure(SYNCMGR_E_INVALID, naming: "unknown queue flags \(flags)") }
    if wakeFD < -1 || (wakeFD >= 0 && sm_is_open(wakeFD) == 0) {
      throw Failure(SYNCMGR_E_INVALID, naming: "\(wakeFD) is not an open descriptor")
    }
    let descriptor = wakeFD >= 0 ? wakeFD : sm_eventfd()
    if descriptor < 0 { throw Failure(system: "make an eventfd", descriptor) }
    let queue = Queue(attachment, descriptor: descriptor, owns: wakeFD < 0)
    do throws(Failure) {
      let slot = try Handles.allocate(.queue, attachment.id)
      do throws(Failure) { if hasThreads { try Service.serve(attachment) } } catch {
        Handles.free(slot)
        throw error
      }
      slot.pointee.context = Unmanaged.passRetained(queue).toOpaque()
      let handle = Handles.publish(slot, .queue)
      Local.always { local in
        queues.append((handle, queue))
        local.forWaiting.queues.append(queue)
      }
      return handle
    } catch {
      if queue.ownsDescriptor { sm_close(descriptor) }
      throw error
    }
  }

  static func closeQueue(_ handle: UInt64) throws(Failure) {
    let slot = try Handles.enter(handle, .queue)
    guard let queue = Queue.at(UInt32(slot - sm_slots())) else {
      sm_leave()
      throw Failure(SYNCMGR_E_CLOSED, "the queue was closed")
    }
    let isFirst = Handles.retire(slot, handle)
    sm_hold(queue.attachment.id)
    defer { sm_leave() }
    if !isFirst { throw Failure(SYNCMGR_E_CLOSED, "the queue was closed") }
    queue.close(handle, isRetired: true)
  }
}

extension Queue {
  /// Ends the queue: no ticket of it is left, and what was granted and not drained is given back.
  func close(_ handle: UInt64, isRetired: Bool = false) {
    let slot = Tickets.slot(of: handle)
    if !isRetired, !Handles.retire(slot, handle) { return }
    attachment.endInterest(self)
    let index = UInt32(slot - sm_slots())
    Closing.waitForCalls(attachment, in: [slot])
    let cells = attachment.ownCells {
      let ticket = $0.ticket.load()
      return ticket != 0 && $0.flags.load() & CellFlag.queued != 0
        && Tickets.slot(of: ticket).queueSlot == index
    }
    for cell in cells { Tickets.drop(cell.ticket.load(), attachment) }
    Series.drop(attachment, of: index)
    Local.always { local in
      local.forWaiting.queues.removeAll { $0 === self }
    }
    if ownsDescriptor { sm_close(descriptor) }
    if let context = slot.pointee.context {
      slot.pointee.context = nil
      Unmanaged<Queue>.fromOpaque(context).release()
    }
    Handles.free(slot)
  }
}
