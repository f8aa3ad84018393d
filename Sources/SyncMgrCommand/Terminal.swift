import CSyncMgrCommand
import Glibc

func printError(_ text: String) {
  var line = Array((text + "\n").utf8)[...]
  while !line.isEmpty {
    let count = line.withUnsafeBytes { write(2, $0.baseAddress, $0.count) }
    if count <= 0 { return }
    line = line.dropFirst(count)
  }
}

/// How many columns a text takes in a terminal, near enough.
func width(_ text: String) -> Int {
  text.unicodeScalars.reduce(0) { sum, scalar in
    switch scalar.value {
    case 0x300...0x36f, 0x200b...0x200f, 0xfe00...0xfe0f: sum
    case 0x1100...0x115f, 0x2e80...0xa4cf, 0xac00...0xd7a3, 0xf900...0xfaff, 0xfe30...0xfe6f,
      0xff00...0xff60, 0x1f300...0x1faff, 0x20000...0x3fffd:
      sum + 2
    default: sum + 1
    }
  }
}

func padded(_ text: String, _ columns: Int) -> String {
  text + String(repeating: " ", count: max(columns - width(text), 1))
}

/// Colours, where somebody sees them and did not ask for none.
struct Paint {
  let isOn: Bool

  init(_ invocation: Invocation) {
    let refused = getenv("NO_COLOR").map { $0.pointee != 0 } ?? false
    let isDumb = getenv("TERM").map { String(cString: $0) == "dumb" } ?? true
    isOn = isatty(1) == 1 && !refused && !isDumb && !invocation.isJSON
  }

  private func paint(_ text: String, _ code: String) -> String {
    isOn ? "\u{1b}[\(code)m\(text)\u{1b}[0m" : text
  }

  func strong(_ text: String) -> String { paint(text, "1") }
  func faint(_ text: String) -> String { paint(text, "2") }
  func good(_ text: String) -> String { paint(text, "32") }
  func bad(_ text: String) -> String { paint(text, "31") }
  func warning(_ text: String) -> String { paint(text, "33") }
  func name(_ text: String) -> String { paint(text, "36") }
}

/// Rows under headings, as wide as they have to be.
struct Table {
  private var rows: [[String]]

  init(_ headings: String...) { rows = [headings] }

  mutating func add(_ cells: String...) { rows.append(cells) }

  var isEmpty: Bool { rows.count == 1 }

  func text(_ paint: Paint) -> String {
    var widths = [Int](repeating: 0, count: rows[0].count)
    for row in rows {
      for (column, cell) in row.enumerated() { widths[column] = max(widths[column], width(cell)) }
    }
    var text = ""
    for (number, row) in rows.enumerated() {
      var line = ""
      for (column, cell) in row.enumerated() {
        line += column == row.count - 1 ? cell : padded(cell, widths[column] + 2)
      }
      text += (number == 0 ? paint.strong(line) : line) + "\n"
    }
    return text
  }
}

/// Milliseconds for people.
func time(_ milliseconds: Double) -> String {
  func round(_ value: Double) -> String {
    let tenths = Int((value * 10).rounded())
    return "\(tenths / 10).\(tenths % 10)"
  }
  switch milliseconds {
  case ..<1: return "\(Int(milliseconds * 1000)) us"
  case ..<1000: return round(milliseconds) + " ms"
  case ..<60_000: return round(milliseconds / 1000) + " s"
  case ..<3_600_000: return round(milliseconds / 60_000) + " min"
  default: return round(min(milliseconds / 3_600_000, 1e9)) + " h"
  }
}

/// Bytes for people.
func bytes(_ count: Int) -> String {
  let units = ["B", "KiB", "MiB", "GiB", "TiB"]
  var value = Double(count)
  var unit = 0
  while value >= 1024, unit < units.count - 1 {
    value /= 1024
    unit += 1
  }
  return unit == 0 ? "\(count) B" : "\(Int(value.rounded())) \(units[unit])"
}

/// A name as one word: what would confuse a terminal is not in names of the library, but is perhaps
/// in a damaged segment.
func shown(_ name: String) -> String {
  String(
    String.UnicodeScalarView(
      name.unicodeScalars.map { $0.value < 0x20 || (0x7f..<0xa0).contains($0.value) ? "?" : $0 }))
}
