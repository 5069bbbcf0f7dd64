/// Which names have secrets behind them.
enum SecretNames {
    /// Parts of names, in lower case and with dashes for underscores and dots.
    private static let parts = [
        "pass", "pwd", "token", "secret", "api-key", "apikey", "auth", "credential",
        "private-key", "privatekey", "access-key", "accesskey", "signature", "cookie", "bearer",
    ].map { Array($0.utf8) }

    /// Whole names.
    private static let wholes = ["pw", "psw", "sig", "key"].map { Array($0.utf8) }

    /// Beginnings of keys that well-known services issue.
    private static let keyBeginnings = [
        "AKIA", "ASIA", "ghp_", "gho_", "ghs_", "ghu_", "github_pat_", "glpat-", "xoxb-", "xoxp-",
        "sk-", "sk_live_", "rk_live_", "AIza", "eyJ", "hvs.",
    ].map { Array($0.utf8) }

    /// Whether a name, with or without dashes before it, speaks of a secret.
    static func isSecret(_ name: some Collection<UInt8>) -> Bool {
        let plain = name.drop { $0 == UInt8(ascii: "-") || isQuote($0) }.map { byte -> UInt8 in
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): byte | 0x20
            case UInt8(ascii: "_"), UInt8(ascii: "."): UInt8(ascii: "-")
            default: byte
            }
        }
        return wholes.contains(plain) || parts.contains { contains(plain, $0) }
    }

    /// Whether an argument is the name of an option whose value is the next argument.
    static func isSecretOption(_ argument: [UInt8]) -> Bool {
        if argument.last == UInt8(ascii: ":") { return isSecret(argument.dropLast()) }
        return argument.first == UInt8(ascii: "-")
            && !argument.contains(UInt8(ascii: "=")) && isSecret(argument)
    }

    /// Whether an argument is a scheme of HTTP authentication, which a secret follows.
    static func isScheme(_ argument: [UInt8]) -> Bool {
        let names = ["bearer", "basic", "digest", "negotiate"]
        guard argument.count <= 9 else { return false }
        return names.contains(String(decoding: argument, as: UTF8.self).lowercased())
    }

    /// The offset behind the first secret name and its `=` or `:`; nil if there is none.
    ///
    /// That is how assignments, long options, properties (`-Dx.password=`), parts of a URL's query
    /// and members of JSON look.
    static func endOfSecretName(_ word: [UInt8]) -> Int? {
        var start = 0
        for (index, byte) in word.enumerated() {
            if byte == UInt8(ascii: "=") || byte == UInt8(ascii: ":") {
                var end = index
                while end > start, isQuote(word[end - 1]) { end -= 1 }
                if isSecret(word[start..<end]) { return index + 1 }
            }
            if !isPartOfName(byte), !isQuote(byte) { start = index + 1 }
        }
        return nil
    }

    /// The offset at which a key of a well-known service begins; nil if there is none.
    static func startOfKnownKey(_ word: [UInt8]) -> Int? {
        word.indices.first { index in
            guard index == 0 || !isPartOfName(word[index - 1]) else { return false }
            return keyBeginnings.contains { beginning in
                word[index...].starts(with: beginning)
                    && word[index...].prefix { isPartOfName($0) }.count >= beginning.count + 16
            }
        }
    }

    /// The letters after which a program takes a secret.
    static func secretLetters(ofProgram name: String) -> [UInt8] {
        switch name {
        case "sshpass", "mysql", "mysqldump", "mysqladmin", "mysqlimport", "mysqlshow", "mariadb",
            "mariadb-dump", "mariadb-admin", "mongo", "mongosh", "mongodump", "mongorestore",
            "docker", "podman", "helm", "7z", "7za", "7zr", "rar", "unrar", "rabbitmqadmin":
            Array("p".utf8)
        case "redis-cli", "valkey-cli", "http", "https": Array("a".utf8)
        case "curl": Array("uU".utf8)
        case "ldapsearch", "ldapadd", "ldapmodify", "ldapdelete", "ldappasswd": Array("w".utf8)
        case "smbclient": Array("U".utf8)
        case "sqlcmd", "bcp", "zip", "unzip", "mosquitto_pub", "mosquitto_sub", "ipmitool":
            Array("P".utf8)
        case "snmpget", "snmpwalk", "snmpset", "snmpbulkwalk": Array("cAX".utf8)
        default: []
        }
    }

    private static func isQuote(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'")
    }

    private static func isPartOfName(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"),
            UInt8(ascii: "."):
            true
        default: false
        }
    }

    private static func contains(_ name: [UInt8], _ part: [UInt8]) -> Bool {
        guard name.count >= part.count else { return false }
        return (0...(name.count - part.count)).contains { name[$0...].starts(with: part) }
    }
}
