/// Why an encrypted connection did not come about, in words for whoever typed the URL.
enum SecureProblem {
    /// The module of the errors, whose own texts name places in its source.
    private static let module = "NIOSSL."

    /// nil for what is no such error.
    static func reason(of error: any Error, url: String) -> String? {
        guard String(reflecting: type(of: error)).hasPrefix(module) else { return nil }
        let text = "\(error)".uppercased()
        // BoringSSL's names for an answer in plain text.
        let plain = [
            "WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNEXPECTED_MESSAGE", "UNCLEANSHUTDOWN",
        ]
        if plain.contains(where: text.contains) {
            return "what answers there is not encrypted; ask \(plainURL(url))"
        }
        if text.contains("CERTIFICATE") {
            return "its certificate is not one that this host trusts for that name"
        }
        return "no encrypted connection came about"
    }

    private static func plainURL(_ url: String) -> String {
        url.hasPrefix("https://") ? "http://" + url.dropFirst("https://".count) : url
    }
}
