import CSyncMgr
import Glibc

/// The wait-for graph.
enum Graph {
  static let graph = Subcommand(
    name: "graph", arguments: "", summary: "Show who waits for whom, as a drawing or for Graphviz",
    options: [
      Option(long: "dot", help: "write Graphviz DOT; the default where there is no terminal"),
      Option(long: "draw", help: "draw it; the default in a terminal"),
      Option(long: "all", short: "a", help: "also holds that nobody waits for"),
    ]
  ) { invocation throws(Failure) in
    if invocation.has("dot"), invocation.has("draw") {
      throw .usage("--dot and --draw exclude each other")
    }
    let space = try Space.visit(invocation)
    defer { space.close() }
    let snapshot = try space.snapshot()
    if invocation.isJSON {
      print(snapshot["graph"].written)
    } else if invocation.has("draw") || (isatty(1) == 1 && !invocation.has("dot")) {
      print(drawing(snapshot, invocation.has("all"), Paint(invocation)), terminator: "")
    } else {
      print(dot(snapshot, invocation.has("all")), terminator: "")
    }
    return 0
  }

  private static func isShown(_ object: JSONValue, _ all: Bool) -> Bool {
    !object["waiters"].items.isEmpty || (all && !object["holders"].items.isEmpty)
  }

  // MARK: - Graphviz

  private static func dot(_ snapshot: JSONValue, _ all: Bool) -> String {
    func quoted(_ text: String) -> String {
      "\"" + shown(text).replacing(["\\": "\\\\", "\"": "\\\""]) + "\""
    }
    func node(_ person: JSONValue) -> String { "w\(person["workstream"].int)" }
    var text = "digraph waits {\n  rankdir=LR;\n"
    var people: Set<String> = []
    var edges = ""
    for (number, object) in snapshot["objects"].items.enumerated() where isShown(object, all) {
      let label = quoted("\(object["type"].string) \(object["name"].string)")
      text += "  o\(number) [shape=box, label=\(label)];\n"
      for (list, isWait) in [("waiters", true), ("holders", false)] {
        for person in object[list].items {
          if people.insert(node(person)).inserted {
            let name = quoted("\(person["name"].string) (\(person["pid"].int))")
            text += "  \(node(person)) [label=\(name)];\n"
          }
          let age = "label=\"\(time(person["age_ms"].double))\""
          edges +=
            isWait
            ? "  \(node(person)) -> o\(number) [\(age)];\n"
            : "  o\(number) -> \(node(person)) [style=bold];\n"
        }
      }
    }
    return text + edges + "}\n"
  }

  // MARK: - Drawing

  /// A tree from each workstream that waits and that nobody waits for; then what is left, which
  /// stands in circles.
  private static func drawing(_ snapshot: JSONValue, _ all: Bool, _ paint: Paint) -> String {
    var drawer = Drawer(paint: paint)
    for object in snapshot["objects"].items where isShown(object, all) {
      for waiter in object["waiters"].items {
        drawer.waits[waiter["workstream"].int, default: []].append((object, waiter))
        for holder in object["holders"].items {
          drawer.isWaitedFor.insert(holder["workstream"].int)
        }
      }
    }
    for id in drawer.waits.keys.sorted() where !drawer.isWaitedFor.contains(id) { drawer.tree(id) }
    for id in drawer.waits.keys.sorted() where !drawer.drawn.contains(id) { drawer.tree(id) }
    if all {
      for object in snapshot["objects"].items
      where object["waiters"].items.isEmpty && isShown(object, all) {
        drawer.text += drawer.label(object) + " held by "
        drawer.text += Look.people(object["holders"].items) + "\n"
      }
    }
    return drawer.text.isEmpty ? "nobody waits\n" : drawer.text
  }

  private struct Drawer {
    let paint: Paint
    var waits: [Int: [(object: JSONValue, waiter: JSONValue)]] = [:]
    var isWaitedFor: Set<Int> = []
    var drawn: Set<Int> = []
    var text = ""

    func label(_ object: JSONValue) -> String {
      "\(object["type"].string) \(paint.strong(shown(object["name"].string)))"
    }

    private func label(person: JSONValue) -> String {
      "\(paint.name(shown(person["name"].string))) (\(person["pid"].int))"
    }

    mutating func tree(_ id: Int) {
      guard let first = waits[id]?.first else { return }
      text += label(person: first.waiter) + "\n"
      branches(id, "", [id])
    }

    private mutating func branches(_ id: Int, _ indent: String, _ path: Set<Int>) {
      drawn.insert(id)
      let edges = waits[id] ?? []
      for (number, edge) in edges.enumerated() {
        let isLast = number == edges.count - 1
        let age = paint.warning(time(edge.waiter["age_ms"].double))
        text += indent + (isLast ? "└─" : "├─") + " waits \(age) for \(label(edge.object))\n"
        let inner = indent + (isLast ? "   " : "│  ")
        let holders = edge.object["holders"].items
        for (place, holder) in holders.enumerated() {
          holds(holder, place == holders.count - 1, inner, path)
        }
      }
    }

    private mutating func holds(
      _ holder: JSONValue, _ isLast: Bool, _ indent: String, _ path: Set<Int>
    ) {
      let id = holder["workstream"].int
      text += indent + (isLast ? "└─" : "├─") + " held by \(label(person: holder))"
      if path.contains(id) {
        text += " " + paint.bad("<- a circle") + "\n"
      } else if drawn.contains(id), waits[id] != nil {
        text += " (see above)\n"
      } else {
        text += "\n"
        // A tree so deep says no more to anybody, and the stack has an end.
        if path.count < 200 {
          branches(id, indent + (isLast ? "   " : "│  "), path.union([id]))
        }
      }
    }
  }
}

extension String {
  /// Every character of the table replaced.
  func replacing(_ table: [Character: String]) -> String {
    reduce(into: "") { $0 += table[$1] ?? String($1) }
  }
}
