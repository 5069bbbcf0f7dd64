import GRDB
import MemoryModel

/// The numbers of names that were used lately, so that most names cost no look into the database.
///
/// Two generations stand in for a list by last use: what is not asked for while one generation
/// fills is forgotten. Both together hold at most `maximumBytes` of names.
struct NameCache {
    private var young: [RawText: Int64] = [:]
    private var old: [RawText: Int64] = [:]
    private var youngBytes = 0
    private let generationBytes: Int

    /// Which names are referred to, while a sweep finds that out; nil otherwise.
    var marks: NameMarks?

    /// What an entry costs beside its bytes: two words of key, its array's header, its number.
    private static let entryBytes = 64

    /// A cache of at most `maximumBytes`, counted as names and what it costs to hold them.
    init(maximumBytes: Int) {
        generationBytes = maximumBytes / 2
    }

    /// The number of `name`, if it is known.
    mutating func id(of name: RawText) -> Int64? {
        if let id = young[name] {
            marks?.insert(id)
            return id
        }
        guard let id = old[name] else { return nil }
        insert(name, id)
        return id
    }

    /// Remembers the number of a name.
    mutating func insert(_ name: RawText, _ id: Int64) {
        marks?.insert(id)
        let bytes = NameCache.bytes(of: name)
        if youngBytes + bytes > generationBytes {
            old = young
            young = [:]
            youngBytes = 0
        }
        if young.updateValue(id, forKey: name) == nil { youngBytes += bytes }
    }

    /// Forgets a name: its row goes, and its number may be another's next.
    mutating func remove(_ name: RawText) {
        old[name] = nil
        if young.removeValue(forKey: name) != nil { youngBytes -= NameCache.bytes(of: name) }
    }

    /// Forgets everything: after a transaction that was undone, its numbers mean nothing.
    mutating func removeAll() {
        young = [:]
        old = [:]
        youngBytes = 0
        marks = nil
    }

    private static func bytes(of name: RawText) -> Int { name.bytes.count + entryBytes }
}

/// Gives names their numbers in the table `name` during one transaction.
struct NameWriter {
    private let select: PreparedStatement
    private let insert: PreparedStatement

    /// Prepares the statements.
    init(_ database: Database) throws {
        select = try PreparedStatement("SELECT id FROM name WHERE bytes = ?1", on: database)
        insert = try PreparedStatement(
            "INSERT INTO name (bytes) VALUES (?1) RETURNING id", on: database)
    }

    /// The number of `name`, which it gets now if it has none.
    func id(of name: RawText, _ cache: inout NameCache) throws -> Int64 {
        if let id = cache.id(of: name) { return id }
        let id = try lookUp(name, by: select) ?? lookUp(name, by: insert)
        guard let id else { throw DamagedRow(reason: "a name got no number") }
        cache.insert(name, id)
        return id
    }

    /// The number of `name`; nil for no name.
    func id(ofOptional name: RawText?, _ cache: inout NameCache) throws -> Int64? {
        guard let name else { return nil }
        return try id(of: name, &cache)
    }

    private func lookUp(_ name: RawText, by statement: PreparedStatement) throws -> Int64? {
        try statement.bind(1, bytes: name.bytes)
        defer { statement.reset() }
        guard try statement.step() else { return nil }
        let id = statement.number(0)
        // An insertion is done only once its statement is.
        while try statement.step() {}
        return id
    }
}

/// Reads names by their numbers during one transaction, each once.
struct NameReader {
    private let select: PreparedStatement
    private var known: [Int64: RawText] = [:]

    /// Prepares the statement.
    init(_ database: Database) throws {
        select = try PreparedStatement("SELECT bytes FROM name WHERE id = ?1", on: database)
    }

    /// The name with number `id`.
    mutating func name(_ id: Int64) throws -> RawText {
        if let name = known[id] { return name }
        try select.bind(1, id)
        defer { select.reset() }
        guard try select.step() else { throw DamagedRow(reason: "name \(id) is missing") }
        let name = RawText(select.bytes(0))
        known[id] = name
        return name
    }

    /// The name with number `id`; nil for none.
    mutating func name(_ id: Int64?) throws -> RawText? {
        guard let id else { return nil }
        return try name(id)
    }
}
