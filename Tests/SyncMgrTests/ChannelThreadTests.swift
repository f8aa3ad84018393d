import CSyncMgr
import Glibc
import Testing

private let queue = SYNCMGR_CHANNEL_QUEUE
private let direct = SYNCMGR_CHANNEL_DIRECT
private let broadcast = SYNCMGR_CHANNEL_BROADCAST
private let topics = SYNCMGR_CHANNEL_PUBSUB

/// Threads that use one channel, checked by what must hold whatever their order.
@Suite("Channels under threads", .watched)
struct ChannelThreadTests {
  /// How a consumer takes its messages.
  enum Way: CaseIterable {
    case copied, several, viewed, waited, ticket

    /// Takes what is there, or waits for it. Empty when the channel was shut.
    func take(_ channel: Channel, acknowledging: Bool) -> (status: Status, texts: [String]) {
      switch self {
      case .several:
        while true {
          let (status, messages) = channel.receive(many: 5)
          if status == .timeout {
            let waited = channel.wait(for: SYNCMGR_READABLE)
            if waited != .ok { return (waited, []) }
            continue
          }
          if status != .ok { return (status, []) }
          return (done(messages, channel, acknowledging), messages.map(\.text))
        }
      case .viewed:
        let (status, message) = channel.view()
        if status != .ok { return (status, []) }
        return (done([message], channel, true), [message.text])
      case .copied, .waited, .ticket:
        while true {
          let (status, message) = channel.receive(self == .copied ? forever : 0)
          if status == .ok { return (done([message], channel, acknowledging), [message.text]) }
          if status != .timeout { return (status, []) }
          let what = channel.waiting(for: SYNCMGR_READABLE)
          let started = self == .ticket ? what.start() : nil
          let waited = started.map { $0.ticket?.wait() ?? $0.status } ?? what.wait(forever)
          if waited != .ok { return (waited, []) }
        }
      }
    }

    private func done(_ messages: [Envelope], _ channel: Channel, _ acknowledging: Bool) -> Status {
      if !acknowledging { return .ok }
      return messages.map { channel.acknowledge($0.receipt) }.first { $0 != .ok } ?? .ok
    }
  }

  @Test("a queue of 4 producers and 4 consumers loses, doubles and overtakes nothing",
    arguments: [Kind.local, .shared], [(0, 0), (SYNCMGR_CHANNEL_ACKNOWLEDGE, 0), (0, 2000)])
  func exactlyOnce(kind: Kind, how: (flags: UInt32, length: Int)) throws {
    try withSpace(kind) { space in
      let change: @Sendable (inout syncmgr_channel_options_t) -> Void = {
        $0.capacity = 8
        $0.flags = how.flags
      }
      let isAcknowledged = how.flags & SYNCMGR_CHANNEL_ACKNOWLEDGE != 0
      let perProducer = 150
      let tail = " " + String(repeating: "x", count: how.length)
      let ways: [Way] = [.copied, .several, .viewed, how.length == 0 ? .ticket : .waited]
      let consumers = try ways.map { way in
        let channel = try space.workstream().channel("c", queue, change)
        return onThread { () -> (Status, [String]) in
          var all: [String] = []
          while true {
            let (status, texts) = way.take(channel, acknowledging: isAcknowledged)
            if status != .ok { return (status, all) }
            all += texts
          }
        }
      }
      let producers = try (0..<4).map { producer in
        let channel = try space.workstream().channel("c", queue, change)
        return onThread { () -> Status in
          var number = 0
          while number < perProducer {
            let batch = producer == 0 && how.length == 0 ? min(7, perProducer - number) : 1
            let texts = (0..<batch).map { "\(producer) \(number + $0)\(tail)" }
            let (status, count) =
              batch == 1 ? (channel.send(texts[0]), 1) : channel.send(many: texts)
            if status != .ok { return status }
            number += count
          }
          return .ok
        }
      }
      try expectOK(producers)
      let ender = try space.workstream().channel("c", queue, change)
      #expect(ender.shut(SYNCMGR_CHANNEL_DRAIN) == .ok)
      var seen: Set<String> = []
      for consumer in consumers {
        let (status, texts) = try consumer.result()
        #expect(status == .closed)
        var last = [-1, -1, -1, -1]
        for text in texts {
          #expect(text.hasSuffix(tail) && seen.insert(text).inserted)
          let words = text.split(separator: " ").prefix(2).compactMap { Int($0) }
          #expect(words[1] > last[words[0]])
          last[words[0]] = words[1]
        }
      }
      #expect(seen.count == 4 * perProducer)
    }
  }

  @Test("a broadcast of several senders has the same order for all", arguments: Kind.threaded)
  func sameOrder(kind: Kind) throws {
    try withSpace(kind) { space in
      let change: @Sendable (inout syncmgr_channel_options_t) -> Void = {
        $0.capacity = 8
        $0.overflow = SYNCMGR_OVERFLOW_BLOCK
      }
      let receivers = try (0..<4).map { place in
        let channel = try space.workstream().channel("b", broadcast, change)
        #expect(channel.subscribe() == .ok)
        return onThread { () -> [String] in
          let way = Way.allCases[place]
          var texts: [String] = []
          while texts.count < 300 {
            let (status, more) = way.take(channel, acknowledging: false)
            if status != .ok { return texts + ["\(status)"] }
            texts += more
          }
          return texts
        }
      }
      let senders = try (0..<3).map { sender in
        let channel = try space.workstream().channel("b", broadcast, change)
        return onThread {
          (0..<100).map { channel.send("\(sender) \($0)") }.first { $0 != .ok } ?? .ok
        }
      }
      try expectOK(senders)
      let orders = try receivers.map { try $0.result() }
      #expect(Set(orders).count == 1)
      #expect(Set(orders[0]).count == 300)
    }
  }

  @Test("subscriptions come and go while a topic is published, and who stays misses nothing",
    arguments: Kind.threaded)
  func subscriptionsChange(kind: Kind) throws {
    try withSpace(kind) { space in
      let change: @Sendable (inout syncmgr_channel_options_t) -> Void = {
        $0.capacity = 1024
        $0.flags = SYNCMGR_CHANNEL_RETAIN
        $0.history = 4
      }
      let stays = try space.workstream().channel("t", topics, change)
      #expect(stays.subscribe("a/**") == .ok)
      let isOver = Shared(false)
      let restless = try (0..<2).map { number in
        let channel = try space.workstream().channel("t", topics, change)
        return onThread { () -> Status in
          var bad = Status.ok
          func check(_ status: Status) { if status != .ok { bad = status } }
          while !isOver.current, bad == .ok {
            check(channel.subscribe("a/*/\(number)", last: 2))
            check(channel.subscribe("**"))
            let got = channel.receive(many: 4)
            if got.status != .timeout { check(got.status) }
            check(channel.unsubscribe("**"))
            check(channel.unsubscribe())
          }
          return bad
        }
      }
      let senders = try (0..<2).map { sender in
        let channel = try space.workstream().channel("t", topics, change)
        return onThread {
          (0..<200).map { channel.send("\($0)", topic: "a/\(sender)/\($0 % 3)", flags: $0 & 1) }
            .first { !$0.succeeded } ?? .ok
        }
      }
      try expectOK(senders)
      isOver.with { $0 = true }
      try expectOK(restless)
      var last = ["a/0": -1, "a/1": -1]
      for _ in 0..<400 {
        let (status, message) = stays.receive(0)
        #expect(status == .ok && message.dropped == 0)
        let from = String(message.topic.prefix(3))
        #expect(Int(message.text) == last[from]! + 1)
        last[from]! += 1
      }
      #expect(stays.receive(0).status == .timeout)
    }
  }

  @Test("what is dropped and what is received is what was sent", arguments: Kind.threaded)
  func droppedAreCounted(kind: Kind) throws {
    try withSpace(kind) { space in
      let change: @Sendable (inout syncmgr_channel_options_t) -> Void = {
        $0.capacity = 4
        $0.overflow = SYNCMGR_OVERFLOW_DROP_OLDEST
      }
      let receiver = try space.workstream().channel("c", queue, change)
      let thread = onThread { () -> (received: Int, dropped: UInt64) in
        var (received, dropped) = (0, UInt64(0))
        while true {
          let (status, message) = received % 2 == 0 ? receiver.receive() : receiver.view()
          if status != .ok { return (received, dropped) }
          if message.receipt != 0 { _ = receiver.acknowledge(message.receipt) }
          received += 1
          dropped += message.dropped
          if received % 16 == 0 { sched_yield() }
        }
      }
      let senders = try (0..<3).map { _ in
        let channel = try space.workstream().channel("c", queue, change)
        return onThread { (0..<300).map { channel.send("\($0)") }.first { $0 != .ok } ?? .ok }
      }
      try expectOK(senders)
      let counted = receiver.mailboxes()[0].dropped
      let ender = try space.workstream().channel("c", queue, change)
      #expect(ender.shut(SYNCMGR_CHANNEL_DRAIN) == .ok)
      let (received, dropped) = try thread.result()
      #expect(received + Int(counted) == 900)
      #expect(dropped <= counted)
    }
  }

  @Test("every call gets its own response, and who gives up gets none", arguments: Kind.threaded)
  func calls(kind: Kind) throws {
    try withSpace(kind) { space in
      let server = try space.workstream("server").channel("d", direct)
      let thread = onThread { () -> Status in
        while true {
          let (status, asked) = server.receive()
          if status != .ok { return status }
          let replied = server.reply(asked.replyTo, asked.text + "!")
          if replied != .ok, replied != .notFound { return replied }
        }
      }
      let clients = try (0..<3).map { client in
        let channel = try space.workstream().channel("d", direct)
        return onThread { () -> String? in
          for number in 0..<80 {
            let text = "\(client) \(number)"
            let (status, request) = channel.request(text, to: "server")
            if status != .ok { return "request: \(status)" }
            let mayGiveUp = number % 4 == 0
            let (got, response) = channel.response(request, mayGiveUp ? 20_000 : forever)
            if got == .timeout, mayGiveUp {
              let forgotten = channel.forget(request)
              if forgotten != .ok { return "forget: \(forgotten)" }
            } else if got != .ok || response.text != text + "!" {
              return "\(got) \(response.text) for \(text)"
            }
          }
          return nil
        }
      }
      for client in clients { #expect(try client.result() == nil) }
      #expect(server.close() == .ok)
      #expect(try thread.result() == .closed)
    }
  }

  @Test("loans of several senders arrive whole in the views of several receivers",
    arguments: Kind.threaded)
  func loansUnderThreads(kind: Kind) throws {
    try withSpace(kind) { space in
      let change: @Sendable (inout syncmgr_channel_options_t) -> Void = { $0.capacity = 4 }
      let receivers = try (0..<2).map { _ in
        let channel = try space.workstream().channel("c", queue, change)
        return onThread { () -> (Status, Int) in
          var count = 0
          while true {
            let (status, view) = channel.view()
            if status != .ok { return (status, count) }
            if Set(view.bytes).count != 1 { return (.corrupt, count) }
            let given = channel.acknowledge(view.receipt)
            if given != .ok { return (given, count) }
            count += 1
          }
        }
      }
      let senders = try (0..<3).map { sender in
        let channel = try space.workstream().channel("c", queue, change)
        return onThread { () -> Status in
          for number in 0..<40 {
            let (status, loan) = channel.loan(3000 + 4096 * (number % 3))
            if status != .ok { return status }
            for index in loan.indices { loan[index] = UInt8(sender * 40 + number) }
            let sent = number % 10 == 9 ? channel.giveBack(loan) : channel.publish(loan)
            if sent != .ok { return sent }
          }
          return .ok
        }
      }
      try expectOK(senders)
      let ender = try space.workstream().channel("c", queue, change)
      #expect(ender.shut(SYNCMGR_CHANNEL_DRAIN) == .ok)
      let results = try receivers.map { try $0.result() }
      for result in results { #expect(result.0 == .closed) }
      #expect(results.map(\.1).reduce(0, +) == 3 * 36)
    }
  }

  /// What ends the waits of others.
  enum Ending: CaseIterable {
    case handles, workstreams, shut
  }

  @Test("closing and shutting end all the waits of receivers and senders, and nobody else's",
    arguments: Kind.threaded, Ending.allCases)
  func endings(kind: Kind, ending: Ending) throws {
    try withSpace(kind) { space in
      let change: @Sendable (inout syncmgr_channel_options_t) -> Void = { $0.capacity = 1 }
      let owner = try space.workstream("full")
      let full = try owner.channel("d", direct, change)
      let streams = try space.workstreams(3)
      let channels = try streams.map { try $0.channel("d", direct, change) }
      #expect(channels[0].send("fills it", to: "full") == .ok)
      let (sender, receiver, third) = (channels[0], channels[1], channels[2])
      let sends = onThread { sender.send("waits", to: "full") }
      let receives = onThread { receiver.receive().status }
      let ticket = try third.waiting(for: SYNCMGR_READABLE).pending()
      pause(5 * millisecond)
      switch ending {
      case .handles: for channel in channels { #expect(channel.close() == .ok) }
      case .workstreams: for stream in streams { #expect(stream.close() == .ok) }
      case .shut: #expect(full.shut() == .ok)
      }
      #expect(try sends.result() == .closed)
      #expect(try receives.result() == .closed)
      // A ticket goes with the workstream that it belongs to.
      let outcome = ticket.wait(patience)
      #expect(outcome == .closed || (outcome == .handle && ending == .workstreams), "\(outcome)")
      if ending == .shut {
        #expect(full.receive(0).status == .closed)
      } else {
        #expect(full.receive(0).message.text == "fills it")
        #expect(full.receive(0).status == .timeout)
      }
    }
  }
}

/// All threads end well. What one says otherwise is shown.
private func expectOK(
  _ threads: [Background<Status>], sourceLocation: SourceLocation = #_sourceLocation
) throws {
  for thread in threads {
    let status = try thread.result(within: 2 * patience)
    #expect(status == .ok, sourceLocation: sourceLocation)
  }
}
