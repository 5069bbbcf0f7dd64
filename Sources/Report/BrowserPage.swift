/// A view's text as a page for a browser: preformatted, without scripts, styles or pictures.
public enum BrowserPage {
    /// The media type of HTTP.
    public static let mediaType = "text/html; charset=utf-8"

    /// What the page may load or be part of: nothing (`Content-Security-Policy`).
    public static let securityPolicy =
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

    /// Whether an `Accept` header names HTML, as those of browsers do.
    public static func isWanted(accept: String) -> Bool {
        accept.split(separator: ",").contains { part in
            let name = part.split(separator: ";").first.map(String.init) ?? ""
            return name.filter { $0 != " " }.lowercased() == "text/html"
        }
    }

    /// The page with `text`, which the browser asks for again after `refreshSeconds`.
    public static func page(_ text: String, refreshSeconds: Int64? = nil) -> String {
        let refresh = refreshSeconds.map { "<meta http-equiv=\"refresh\" content=\"\($0)\">\n" }
        let links = views.map { "<a href=\"\($0.path)\">\($0.name)</a>" }
        return """
            <!DOCTYPE html>
            <html lang="en">
            <meta charset="utf-8">
            <meta name="color-scheme" content="light dark">
            <meta name="referrer" content="no-referrer">
            \(refresh ?? "")<title>Highwater</title>
            <p>\(links.joined(separator: " "))</p>
            <pre>
            \(escaped(text))</pre>
            </html>

            """
    }

    private static let views: [(name: String, path: String)] = [
        ("summary", "/"), ("live", "/live"), ("hosts", "/v1/hosts"), ("ps", "/v1/ps"),
        ("report", "/v1/report"), ("oom", "/v1/oom"), ("cgroups", "/v1/cgroups"),
        ("composition", "/v1/composition"),
    ]

    private static func escaped(_ text: String) -> String {
        var escaped: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "<"): escaped += Array("&lt;".utf8)
            case UInt8(ascii: ">"): escaped += Array("&gt;".utf8)
            case UInt8(ascii: "&"): escaped += Array("&amp;".utf8)
            case UInt8(ascii: "\""): escaped += Array("&quot;".utf8)
            case UInt8(ascii: "'"): escaped += Array("&#39;".utf8)
            default: escaped.append(byte)
            }
        }
        return String(decoding: escaped, as: UTF8.self)
    }
}
