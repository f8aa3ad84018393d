import CSyncMgrShim

extension Topics {
  /// What a process knows of a channel's patterns. Used under the channel's send guard only, so by
  /// one thread at a time.
  final class Mirror {
    struct PatternKey: Hashable {
      let mailbox: UInt32
      let serial: UInt64
      let text: [UInt8]
    }

    /// Where each pattern is in the table.
    private(set) var places: [PatternKey: UInt32] = [:]
    /// Places in the table that are free.
    private(set) var free: [UInt32] = []
    private var entries: [PatternKey?] = []
    private var version: UInt64 = 0
    private let serial: UInt64
    private let trie = TopicTrie()
    /// By mailbox: the publish in which it was found last.
    private var found: [UInt64] = []
    private var publishes: UInt64 = 0

    private init(serial: UInt64) { self.serial = serial }

    /// The mirror of a channel in this process. Of a channel that was removed and made anew the old
    /// one is of no use.
    static func of(_ channel: Channel) -> Mirror {
      let index = channel.caller.slot.pointee.index
      let serial = channel.row.serial.load()
      return Local.always { _ in
        if let known = channel.attachment.mirrors[index] as? Mirror, known.serial == serial {
          return known
        }
        let made = Mirror(serial: serial)
        channel.attachment.mirrors[index] = made
        return made
      }
    }

    /// Takes over what has changed since the last time: by the log, or when that does not go back
    /// far enough, from the whole table.
    func refresh(_ attachment: Attachment, _ row: Mailbox) {
      let now = row.version.load()
      guard now != version, let table = try? PatternTable.of(attachment, row) else { return }
      if now > version, now - version <= UInt64(SM_PATTERN_LOG) {
        for change in version + 1...now { take(table.at.log(change).load(), table) }
      } else {
        for place in 0..<table.used { take(place, table) }
      }
      version = now
    }

    private func take(_ place: UInt32, _ table: PatternTable) {
      guard place < table.used, let entry = table.entry(place) else { return }
      while entries.count <= Int(place) { entries.append(nil) }
      let mailbox = entry.mailbox.load()
      var key: PatternKey?
      if mailbox != 0 {
        let length = Int(min(entry.length.load(), UInt32(Topic.longest)))
        key = PatternKey(
          mailbox: mailbox - 1, serial: entry.serial.load(),
          text: (0..<length).map { entry.text[$0] })
      }
      let before = entries[Int(place)]
      if before == key, key != nil { return }
      if let before {
        before.text.withUnsafeBytes { trie.remove($0, place) }
        places[before] = nil
      }
      if let key {
        _ = key.text.withUnsafeBytes { trie.insert($0, place) }
        places[key] = place
        free.removeAll { $0 == place }
      } else if !free.contains(place) {
        free.append(place)
      }
      entries[Int(place)] = key
    }

    /// The mailboxes that a topic goes to, each once.
    func forMatches(
      _ attachment: Attachment, _ topic: UnsafeRawBufferPointer, _ body: (Mailbox) -> Void
    ) {
      publishes += 1
      trie.match(topic) { place in
        guard place < entries.count, let key = entries[Int(place)],
          let mailbox = attachment.segment.mailbox(key.mailbox)
        else { return }
        while found.count <= Int(key.mailbox) { found.append(0) }
        if found[Int(key.mailbox)] == publishes { return }
        found[Int(key.mailbox)] = publishes
        if mailbox.serial.load() == key.serial, mailbox.role.load() == SM_MAILBOX_OWN {
          body(mailbox)
        }
      }
    }
  }
}
