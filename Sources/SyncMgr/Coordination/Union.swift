/// All elements of all lists, each once, in their own order: the order that they had in the lists
/// would depend on who is asked first. What is no list counts as a list of one.
struct Union {
  /// The member by which two objects are one element; of several the latest stays.
  let id: String?
  private(set) var discarded: [Resolution.Discarded] = []

  private struct Piece {
    let value: JSONValue
    let id: JSONValue?
    let candidate: Candidate
  }

  init(id: String?) { self.id = id }

  /// The candidates are in order of time.
  mutating func together(_ candidates: [Candidate]) -> JSONValue? {
    let alive = candidates.filter { $0.value != nil }
    if alive.isEmpty { return nil }
    for candidate in candidates where candidate.value == nil {
      discarded.append(Resolution.Discarded(path: "", value: nil, candidate: candidate))
    }
    var elements: [Piece] = []
    var hasList = false
    for candidate in alive {
      let value = candidate.value!
      if value.items != nil { hasList = true }
      for item in value.items ?? [value] {
        elements.append(Piece(value: item, id: id.flatMap { item[$0] }, candidate: candidate))
      }
    }
    elements.sort { Union.order($0, $1) < 0 }
    let kept = once(elements)
    if !hasList, kept.count == 1 { return kept[0] }
    return .list(kept)
  }

  /// Those with an id first, by it. Of one id the latest, of equal ones one way to write it first.
  private static func order(_ left: Piece, _ right: Piece) -> Int {
    switch (left.id, right.id) {
    case (let one?, let two?):
      let order = one.order(two)
      if order != 0 { return order }
      let later = right.candidate.later(left.candidate)
      return later != 0 ? later : left.value.wholeOrder(right.value)
    case (nil, nil): return left.value.wholeOrder(right.value)
    case (let one, _): return one == nil ? 1 : -1
    }
  }

  private mutating func once(_ elements: [Piece]) -> [JSONValue] {
    var kept: [Piece] = []
    for element in elements {
      guard let last = kept.last else {
        kept.append(element)
        continue
      }
      if let one = last.id, let two = element.id, one.isSame(as: two) {
        if last.value.isSame(as: element.value) { continue }
        discarded.append(
          Resolution.Discarded(
            path: "/\(kept.count - 1)", value: element.value, candidate: element.candidate))
      } else if !last.value.isSame(as: element.value) {
        kept.append(element)
      }
    }
    return kept.map { $0.value }
  }
}
