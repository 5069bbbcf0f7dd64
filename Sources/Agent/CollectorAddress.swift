/// Where a collector listens: `host:port`, `[v6]:port`, or `host` alone for port 7000.
package struct CollectorAddress: Hashable, Sendable, CustomStringConvertible {
    /// Host name or address, without brackets.
    package let host: String
    /// TCP port.
    package let port: Int

    /// The port that is meant where none is given.
    package static let usualPort = 7_000

    /// Reads the text of a flag; nil if it is not an address.
    package init?(_ text: String) {
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { return nil }
            let rest = text[text.index(after: end)...]
            self.init(host: text[text.index(after: text.startIndex)..<end], portText: rest)
        } else if text.count(where: { $0 == ":" }) > 1 {
            self.init(host: text[...], portText: "")
        } else {
            let end = text.firstIndex(of: ":") ?? text.endIndex
            self.init(host: text[..<end], portText: text[end...])
        }
    }

    private init?(host: Substring, portText: Substring) {
        guard !host.isEmpty, host.utf8.count <= 255,
            host.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
        else { return nil }
        self.host = String(host)
        if portText.isEmpty {
            port = CollectorAddress.usualPort
        } else {
            guard portText.first == ":", let number = UInt16(portText.dropFirst()), number > 0
            else { return nil }
            port = Int(number)
        }
    }

    /// The form in which it is shown.
    package var description: String {
        host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
}
