import CSyncMgr
import CSyncMgrShim

/// A deadlock: workstreams of which each waits for another of them, and none for anybody else who
/// cannot go on. Whatever all others do, none of these goes on before another of them does.
struct Knot {
  /// Numbers in the graph.
  let streams: [Int]
  let waits: [Int]
  let holds: [Int]

  /// One step of a cycle: who waits, by which wait, and for whom.
  struct Step {
    let wait: Int
    let holder: Int
    let isBehind: Bool
  }

  /// What makes it this deadlock: its waits. Each has a number in the line of its object that no
  /// other wait ever gets.
  func identity(_ graph: WaitGraph) -> UInt64 {
    var sum: UInt64 = 0
    for place in waits {
      let wait = graph.waits[place]
      var value = UInt64(graph.streams[wait.stream])
      for part in [UInt64(graph.things[wait.thing].object), wait.order, UInt64(wait.place)] {
        value = (value ^ part) &* 0x9e37_79b9_7f4a_7c15
        value ^= value >> 29
      }
      sum = sum &+ value
    }
    return sum
  }

  /// Looks again whether all of it is as it was seen: the same waits wait, and those who hold still
  /// do. Since nobody of them did anything in between, all of it was so at one moment: the
  /// deadlock is real.
  func stands(_ graph: WaitGraph, _ attachment: Attachment) -> Bool {
    waits.allSatisfy { graph.waits[$0].stands(graph, attachment) }
      && holds.allSatisfy { graph.holds[$0].stands(graph, attachment) }
  }

  /// The shortest cycle that leads from `stream` back to it.
  func cycle(from start: Int, _ graph: WaitGraph) -> [Step] {
    let members = Set(streams)
    var cameBy: [Int: Step] = [:]
    var cameFrom: [Int: Int] = [:]
    var pending = [start]
    var next = 0
    while next < pending.count {
      let stream = pending[next]
      next += 1
      for step in steps(from: stream, graph) where members.contains(step.holder) {
        if step.holder == start {
          var path = [step]
          var at = stream
          while at != start, let before = cameFrom[at], let step = cameBy[at] {
            path.append(step)
            at = before
          }
          return path.reversed()
        }
        if cameBy[step.holder] != nil { continue }
        cameBy[step.holder] = step
        cameFrom[step.holder] = stream
        pending.append(step.holder)
      }
    }
    return []
  }

  private func steps(from stream: Int, _ graph: WaitGraph) -> [Step] {
    graph.waitsOfStream[stream].flatMap { place -> [Step] in
      let wait = graph.waits[place]
      if wait.amount <= graph.things[wait.thing].free {
        return graph.predecessor(of: place).map {
          [Step(wait: place, holder: $0, isBehind: true)]
        } ?? []
      }
      return graph.holdsOfThing[wait.thing].filter { !graph.isDone[graph.holds[$0].stream] }.map {
        Step(wait: place, holder: graph.holds[$0].stream, isBehind: false)
      }
    }
  }
}

extension WaitGraph.Wait {
  func stands(_ graph: WaitGraph, _ attachment: Attachment) -> Bool {
    let object = graph.things[thing].object + 1
    let owner = graph.streams[stream]
    if isRequest {
      guard let holding = attachment.segment.holding(place &- 1) else { return false }
      return holding.state.load() == SlotState.live && holding.object.load() == object
        && holding.workstream.load() & OwnerID.mask == owner
        && holding.mark.load() == order && Int64(holding.index.load()) == amount
    }
    guard let cell = attachment.segment.cell(place &- 1) else { return false }
    let kind = cell.state.load() & CellState.kind
    return kind == CellState.waiting && cell.object.load() == object
      && cell.workstream.load() & OwnerID.mask == owner && cell.order.load() == order
  }
}

extension WaitGraph.Hold {
  func stands(_ graph: WaitGraph, _ attachment: Attachment) -> Bool {
    let owner = graph.streams[stream]
    guard let object = attachment.segment.object(graph.things[thing].object) else { return false }
    if graph.things[thing].absence != nil {
      return Kinds.of(object)?.absent(attachment, object)?.owners.contains(owner) ?? false
    }
    guard let holding = attachment.segment.holding(place &- 1),
      holding.object.load() == graph.things[thing].object + 1
    else { return false }
    if case .single(let now)? = Kinds.of(object)?.supply(object) { return now == owner }
    return holding.workstream.load() & OwnerID.mask == owner
      && Int64(holding.amount.load()) >= amount
  }
}

extension WaitGraph {
  /// The deadlocks: strongly connected parts of what could not be reduced from which no way leads
  /// out. Those that wait for a deadlock, and are not in it, are none. Nodes are streams, and
  /// behind them things: a wait leads to its thing, a thing to those who have some of it, and a
  /// wait that only the line holds up to who stands before it.
  func knots() -> [Knot] {
    let next = successors()
    let part = parts(next)
    var leadsOut = Set<Int>()
    var members: [Int: [Int]] = [:]
    for node in next.indices where part[node] >= 0 {
      members[part[node], default: []].append(node)
      if next[node].contains(where: { part[$0] != part[node] }) { leadsOut.insert(part[node]) }
    }
    return members.keys.sorted().compactMap { number -> Knot? in
      let nodes = members[number]!
      let streams = nodes.filter { $0 < self.streams.count }
      let isSelf = nodes.count == 1 && next[nodes[0]].contains(nodes[0])
      guard !leadsOut.contains(number), nodes.count > 1 || isSelf, !streams.isEmpty else {
        return nil
      }
      let waits = streams.flatMap { waitsOfStream[$0] }
      let isWaitedFor = Set(waits.map { self.waits[$0].thing })
      let holds = streams.flatMap { holdsOfStream[$0] }.filter {
        isWaitedFor.contains(self.holds[$0].thing)
      }
      return Knot(streams: streams, waits: waits, holds: holds)
    }
  }

  private func successors() -> [[Int]] {
    var next = [[Int]](repeating: [], count: streams.count + things.count)
    for (place, wait) in waits.enumerated() where !isDone[wait.stream] {
      if wait.amount > things[wait.thing].free {
        next[wait.stream].append(streams.count + wait.thing)
      } else if let before = predecessor(of: place) {
        next[wait.stream].append(before)
      }
    }
    for hold in holds where !isDone[hold.stream] {
      next[streams.count + hold.thing].append(hold.stream)
    }
    return next
  }

  /// The number of the strongly connected part of each node that could not be reduced, else -1.
  /// Tarjan's way, with a stack of its own: chains can be as long as there are waits.
  private func parts(_ next: [[Int]]) -> [Int] {
    let count = next.count
    var part = [Int](repeating: -1, count: count)
    var order = [Int](repeating: -1, count: count)
    var low = [Int](repeating: 0, count: count)
    var isOpen = [Bool](repeating: false, count: count)
    var open: [Int] = []
    var path: [(node: Int, step: Int)] = []
    var counter = 0
    var parts = 0
    for root in streams.indices where !isDone[root] && order[root] < 0 {
      path.append((root, 0))
      while let (node, step) = path.last {
        if step == 0 {
          order[node] = counter
          low[node] = counter
          counter += 1
          open.append(node)
          isOpen[node] = true
        }
        if step < next[node].count {
          path[path.count - 1].step += 1
          let target = next[node][step]
          if order[target] < 0 {
            path.append((target, 0))
          } else if isOpen[target] {
            low[node] = min(low[node], order[target])
          }
          continue
        }
        path.removeLast()
        if let (above, _) = path.last { low[above] = min(low[above], low[node]) }
        if low[node] == order[node] {
          while let top = open.popLast() {
            isOpen[top] = false
            part[top] = parts
            if top == node { break }
          }
          parts += 1
        }
      }
    }
    return part
  }
}
