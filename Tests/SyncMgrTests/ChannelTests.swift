import CSyncMgr
import Glibc
import Testing

private let queue = SYNCMGR_CHANNEL_QUEUE
private let direct = SYNCMGR_CHANNEL_DIRECT
private let broadcast = SYNCMGR_CHANNEL_BROADCAST
private let topics = SYNCMGR_CHANNEL_PUBSUB

@Suite("Channels", .watched)
struct ChannelTests {
  @Test("a queue gives each message once, in the order of sending", arguments: Kind.allCases)
  func order(kind: Kind) throws {
    try withSpace(kind) { space in
      let sender = try space.workstream("sender").channel()
      let receivers = try space.workstreams(2).map { try $0.channel() }
      for number in 0..<6 { #expect(sender.send("\(number)") == .ok) }
      for number in 0..<6 {
        let (status, message) = receivers[number % 2].receive(0)
        #expect(status == .ok && message.text == "\(number)" && message.sender == "sender")
        #expect(message.sequence == UInt64(number + 1))
      }
      #expect(receivers[0].receive(0).status == .timeout)
    }
  }

  @Test("topics match by segments, and each subscriber gets a message once",
    arguments: Kind.allCases)
  func topicsMatch(kind: Kind) throws {
    try withSpace(kind) { space in
      let sender = try space.workstream().channel("t", topics)
      let patterns = [["a/*"], ["a/**"], ["**"], ["a/b", "a/*", "*/b"], ["b"]]
      let subscribers = try patterns.map { patterns in
        let channel = try space.workstream().channel("t", topics)
        for pattern in patterns { #expect(channel.subscribe(pattern) == .ok) }
        #expect(channel.subscribe(patterns[0]) == .already)
        return channel
      }
      for topic in ["a", "a/b", "a/b/c", "b", "c"] {
        #expect(sender.send(topic, topic: topic).succeeded)
      }
      let all = ["a", "a/b", "a/b/c", "b", "c"]
      let expected = [["a/b"], Array(all[..<3]), all, ["a/b"], ["b"]]
      for (subscriber, topics) in zip(subscribers, expected) {
        #expect(subscriber.receive(many: 16).messages.map(\.topic) == topics)
      }
      #expect(subscribers[4].unsubscribe("b") == .ok)
      #expect(subscribers[4].unsubscribe("b") == .notFound)
    }
  }

  @Test("what a full mailbox does is what the channel says, and is counted",
    arguments: Kind.allCases)
  func overflow(kind: Kind) throws {
    try withSpace(kind) { space in
      let policies: [(UInt32, [String], UInt64, Status)] = [
        (SYNCMGR_OVERFLOW_FAIL, ["0", "1"], 0, .full),
        (SYNCMGR_OVERFLOW_DROP_OLDEST, ["3", "4"], 3, .ok),
        (SYNCMGR_OVERFLOW_DROP_NEWEST, ["0", "1"], 3, .full),
        (SYNCMGR_OVERFLOW_BLOCK, ["0", "1"], 0, .timeout),
      ]
      for (policy, kept, dropped, last) in policies {
        for kind in [queue, broadcast] {
          let change: (inout syncmgr_channel_options_t) -> Void = {
            $0.capacity = 2
            $0.overflow = policy
          }
          let name = "\(kind) \(policy)"
          let sender = try space.workstream().channel(name, kind, change)
          let receiver = try space.workstream().channel(name, kind, change)
          if kind == broadcast { #expect(receiver.subscribe() == .ok) }
          var status = Status.ok
          for number in 0..<5 { status = sender.send("\(number)", timeout: 0) }
          #expect(status == last, "\(name)")
          #expect(receiver.mailboxes().map(\.dropped) == [dropped], "\(name)")
          let messages = receiver.receive(many: 8).messages
          #expect(messages.map(\.text) == kept, "\(name)")
          #expect(messages.map(\.dropped).reduce(0, +) <= dropped, "\(name)")
        }
      }
    }
  }

  @Test("a request gets its response, or its time passes and the response comes to nobody",
    arguments: Kind.allCases)
  func requests(kind: Kind) throws {
    try withSpace(kind) { space in
      let server = try space.workstream("server").channel("d", direct)
      let client = try space.workstream("client").channel("d", direct)
      let (status, number) = client.request("1+1", to: "server")
      #expect(status == .ok)
      #expect(client.response(number, 5 * millisecond).status == .timeout)
      let (_, asked) = server.receive(0)
      #expect(asked.text == "1+1" && asked.replyTo == number)
      #expect(asked.flags & SYNCMGR_MESSAGE_REPLY_WANTED != 0)
      #expect(server.reply(asked.replyTo, "2") == .ok)
      #expect(server.reply(asked.replyTo, "2") == .notFound)
      let (got, response) = client.response(number)
      #expect(got == .ok && response.text == "2" && response.sender == "server")
      #expect(client.response(number, 0).status == .notFound)
      let late = client.request("2+2", to: "server").number
      #expect(client.forget(late) == .ok)
      #expect(server.reply(server.receive(0).message.replyTo, "4") == .notFound)
      #expect(client.request("?", to: "nobody").status == .notFound)
    }
  }

  @Test("a loan arrives where it was written, and is gone when it was given back",
    arguments: Kind.allCases)
  func loans(kind: Kind) throws {
    try withSpace(kind) { space in
      let sender = try space.workstream().channel()
      let receiver = try space.workstream().channel()
      let (status, loan) = sender.loan(100_000)
      #expect(status == .ok && UInt(bitPattern: loan.baseAddress) % 4096 == 0)
      for index in loan.indices { loan[index] = UInt8(truncatingIfNeeded: index) }
      #expect(sender.publish(loan) == .ok)
      #expect(sender.publish(loan) == .notFound)
      let (got, view) = receiver.view(0)
      #expect(got == .ok && view.bytes.count == 100_000)
      #expect(view.bytes.indices.allSatisfy { view.bytes[$0] == UInt8(truncatingIfNeeded: $0) })
      #expect(view.flags & SYNCMGR_MESSAGE_VIEW != 0)
      #expect(receiver.acknowledge(view.receipt) == .ok)
      #expect(receiver.acknowledge(view.receipt) == .notFound)
      let unused = sender.loan(1).bytes
      #expect(sender.giveBack(unused) == .ok)
      #expect(sender.giveBack(unused) == .notFound)
    }
  }

  @Test("a view stays as it is while others send and the mailbox overflows",
    arguments: Kind.allCases)
  func viewsStay(kind: Kind) throws {
    try withSpace(kind) { space in
      let change: (inout syncmgr_channel_options_t) -> Void = {
        $0.capacity = 3
        $0.overflow = SYNCMGR_OVERFLOW_DROP_OLDEST
      }
      let sender = try space.workstream().channel("c", queue, change)
      let receiver = try space.workstream().channel("c", queue, change)
      for size in [8, 1000] {
        #expect(sender.send([UInt8](repeating: 7, count: size)) == .ok)
        let (status, view) = receiver.view(0)
        #expect(status == .ok)
        for _ in 0..<20 { #expect(sender.send([UInt8](repeating: 9, count: size)) == .ok) }
        let bytes = UnsafeRawBufferPointer(
          start: UnsafeRawPointer(bitPattern: view.address), count: view.bytes.count)
        #expect(bytes.count == size && bytes.allSatisfy { $0 == 7 })
        #expect(receiver.acknowledge(view.receipt) == .ok)
        while receiver.receive(0).status == .ok {}
      }
    }
  }

  @Test("what a closed workstream took and did not acknowledge goes back to its old place",
    arguments: Kind.allCases)
  func redelivery(kind: Kind) throws {
    try withSpace(kind) { space in
      let change: (inout syncmgr_channel_options_t) -> Void = {
        $0.flags = SYNCMGR_CHANNEL_ACKNOWLEDGE
      }
      let sender = try space.workstream().channel("c", queue, change)
      let gone = try space.workstream()
      let first = try gone.channel("c", queue, change)
      let second = try space.workstream().channel("c", queue, change)
      for number in 0..<4 { #expect(sender.send("\(number)") == .ok) }
      let taken = (0..<3).map { _ in first.receive(0).message }
      #expect(first.acknowledge(taken[1].receipt) == .ok)
      #expect(first.reject(taken[2].receipt) == .ok)
      #expect(gone.close() == .ok)
      #expect(second.receive(many: 8).messages.map(\.text) == ["0", "2", "3"])
    }
  }
}
