import Foundation
import GRDB
import MemoryModel
import PeakStore
import SQLiteStore
import TestSupport
import Testing

@Suite struct OpeningTests {
    @Test("The directory and its parents are made for the owner alone, and so is every file")
    func modes() throws {
        let directory = try TemporaryFolder()
        let data = directory.path + "/a/b"
        let store = try SQLiteStore(dataDirectory: data + "/")
        try store.commit(batch([plainRun()]))
        #expect(try mode(of: directory.path + "/a") == 0o700)
        #expect(try mode(of: data) == 0o700)
        let names = try FileManager.default.contentsOfDirectory(atPath: data)
        #expect(Set(names).isSuperset(of: ["highwater.db", "highwater.db-wal", "lock"]))
        for name in names { #expect(try mode(of: data + "/" + name) == 0o600, "\(name)") }
    }

    @Test("The writer flushes every commit: synchronous reads back as FULL")
    func synchronous() throws {
        let directory = try TemporaryFolder()
        let store = try SQLiteStore(dataDirectory: directory.data)
        #expect(try store.synchronousSetting() == 2)
        try store.commit(batch([plainRun()]))
        #expect(try store.synchronousSetting() == 2)
    }

    @Test("The file says that it is Highwater's and of which version")
    func identity() throws {
        let directory = try TemporaryFolder()
        try SQLiteStore(dataDirectory: directory.data).close()
        let header = try Data(contentsOf: URL(fileURLWithPath: directory.database))
        #expect(header[68..<72] == Data("HWtr".utf8))
        #expect(header[60..<64] == Data([0, 0, 0, UInt8(SQLiteStore.schemaVersion)]))
    }

    @Test("A second collector is refused in this and in another process, until the first closes")
    func secondOpener() throws {
        let directory = try TemporaryFolder()
        let store = try SQLiteStore(dataDirectory: directory.data)
        #expect(throws: PeakStoreError.inUse(path: directory.data)) {
            try SQLiteStore(dataDirectory: directory.data)
        }
        let child = try Child(["open", directory.data, "0"])
        #expect(try child.allLines() == ["inUse(path: \"\(directory.data)\")"])
        try store.close()
        let again = try SQLiteStore(dataDirectory: directory.data)
        #expect(again.storeID == store.storeID)
        #expect(throws: PeakStoreError.self) { try store.commit(batch([plainRun()])) }
        #expect(throws: PeakStoreError.self) { try store.hosts() }
    }

    @Test("A database of a newer version is refused, and not a byte of it changes")
    func newerVersion() throws {
        let directory = try TemporaryFolder()
        try SQLiteStore(dataDirectory: directory.data).close()
        try edit(directory.database, "PRAGMA user_version = 99")
        let before = try contents(of: directory.data)
        #expect(
            throws: PeakStoreError.newerVersion(found: 99, supported: SQLiteStore.schemaVersion)
        ) { try SQLiteStore(dataDirectory: directory.data) }
        #expect(try contents(of: directory.data) == before)
    }

    @Test("A newer version that stands only in the write-ahead log is refused, too")
    func newerVersionInLog() throws {
        let directory = try TemporaryFolder()
        try SQLiteStore(dataDirectory: directory.data).close()
        let copy = directory.path + "/copy"
        try FileManager.default.createDirectory(
            atPath: copy, withIntermediateDirectories: false,
            attributes: [.posixPermissions: 0o700])
        var configuration = Configuration()
        configuration.journalMode = .wal
        let queue = try DatabaseQueue(path: directory.database, configuration: configuration)
        try queue.writeWithoutTransaction { database in
            try database.execute(sql: "PRAGMA user_version = 99")
            for name in ["highwater.db", "highwater.db-wal"] {
                try FileManager.default.copyItem(
                    atPath: directory.data + "/" + name, toPath: copy + "/" + name)
            }
        }
        try queue.close()
        let database = try Data(contentsOf: URL(fileURLWithPath: copy + "/highwater.db"))
        let log = try Data(contentsOf: URL(fileURLWithPath: copy + "/highwater.db-wal"))
        #expect(database[60..<64] == Data([0, 0, 0, UInt8(SQLiteStore.schemaVersion)]))
        #expect(
            throws: PeakStoreError.newerVersion(found: 99, supported: SQLiteStore.schemaVersion)
        ) { try SQLiteStore(dataDirectory: copy) }
        let url = URL(fileURLWithPath: copy)
        #expect(try Data(contentsOf: url.appendingPathComponent("highwater.db")) == database)
        #expect(try Data(contentsOf: url.appendingPathComponent("highwater.db-wal")) == log)
    }

    @Test(
        "A file that is no SQLite database is refused and left as it is",
        arguments: [
            "x", String(repeating: "garbage ", count: 1_000), "SQLite format 3\0",
            "SQLite format 2\0" + String(repeating: "\0", count: 200),
        ])
    func garbage(content: String) throws {
        let directory = try TemporaryFolder()
        try makeData(directory, Data(content.utf8))
        #expect {
            try SQLiteStore(dataDirectory: directory.data)
        } throws: { error in
            guard case PeakStoreError.notADatabase(let path, let reason) = error else {
                return false
            }
            return path == directory.database && !reason.isEmpty
        }
        let after = try Data(contentsOf: URL(fileURLWithPath: directory.database))
        #expect(after == Data(content.utf8))
    }

    @Test("Another program's SQLite database is refused and left as it is")
    func foreignDatabase() throws {
        let directory = try TemporaryFolder()
        try makeData(directory, Data())
        try edit(directory.database, "CREATE TABLE theirs (id INTEGER)")
        let before = try Data(contentsOf: URL(fileURLWithPath: directory.database))
        #expect(
            throws: PeakStoreError.notADatabase(
                path: directory.database, reason: "it is another program's database")
        ) { try SQLiteStore(dataDirectory: directory.data) }
        let after = try Data(contentsOf: URL(fileURLWithPath: directory.database))
        #expect(after == before)
    }

    @Test("What a crash before the first migration leaves is taken as new")
    func unfinishedCreation() throws {
        let directory = try TemporaryFolder()
        try makeData(directory, Data())
        try edit(directory.database, "CREATE TABLE t (id INTEGER); DROP TABLE t")
        let store = try SQLiteStore(dataDirectory: directory.data)
        try store.commit(batch([plainRun()]))
        #expect(try everyRun(of: store) == [plainRun()])
    }

    @Test("A damaged page is refused as such, when it is met")
    func damagedPage() throws {
        let directory = try TemporaryFolder()
        let store = try SQLiteStore(dataDirectory: directory.data)
        try store.commit(batch((1...2_000).map { plainRun(pid: $0) }))
        try store.close()
        let file = try FileHandle(forUpdating: URL(fileURLWithPath: directory.database))
        let size = try file.seekToEnd()
        for page in stride(from: UInt64(4_096 * 2), to: size, by: 4_096) {
            try file.seek(toOffset: page)
            try file.write(contentsOf: Data(repeating: 0xEE, count: 512))
        }
        try file.close()
        #expect {
            let damaged = try SQLiteStore(dataDirectory: directory.data)
            _ = try everyRun(of: damaged)
        } throws: { error in
            if case PeakStoreError.notADatabase = error { return true }
            return false
        }
    }

    @Test("A symbolic link is refused as the directory and as the database")
    func symbolicLinks() throws {
        let directory = try TemporaryFolder()
        try SQLiteStore(dataDirectory: directory.data).close()
        let link = directory.path + "/link"
        try FileManager.default.createSymbolicLink(
            atPath: link, withDestinationPath: directory.data)
        for path in [link, link + "/"] {
            #expect(
                throws: PeakStoreError.notWritable(
                    path: link, reason: "it is a symbolic link or not a directory")
            ) { try SQLiteStore(dataDirectory: path) }
        }
        let moved = directory.path + "/moved.db"
        try FileManager.default.moveItem(atPath: directory.database, toPath: moved)
        try FileManager.default.createSymbolicLink(
            atPath: directory.database, withDestinationPath: moved)
        #expect(
            throws: PeakStoreError.notWritable(
                path: directory.database, reason: "it is a symbolic link")
        ) { try SQLiteStore(dataDirectory: directory.data) }
    }

    @Test("A file in the place of the directory, or of its parent, is refused")
    func notADirectory() throws {
        let directory = try TemporaryFolder()
        try Data("x".utf8).write(to: URL(fileURLWithPath: directory.data))
        for path in [directory.data, directory.data + "/below"] {
            #expect {
                try SQLiteStore(dataDirectory: path)
            } throws: { error in
                if case PeakStoreError.notWritable = error { return true }
                return false
            }
        }
    }

    @Test("A directory that others may write to is refused", arguments: [0o770, 0o707])
    func writableByOthers(mode: Int) throws {
        let directory = try TemporaryFolder()
        try makeData(directory, nil)
        #expect(chmod(directory.data, mode_t(mode)) == 0)
        #expect(
            throws: PeakStoreError.notWritable(
                path: directory.data, reason: "others may write to it; use chmod go-w")
        ) { try SQLiteStore(dataDirectory: directory.data) }
    }

    @Test("A directory of another user is refused", .enabled(if: geteuid() == 0))
    func otherOwner() throws {
        let directory = try TemporaryFolder()
        try makeData(directory, nil)
        #expect(chown(directory.data, 65_534, 65_534) == 0)
        #expect(
            throws: PeakStoreError.notWritable(
                path: directory.data, reason: "it belongs to user 65534, not to 0")
        ) { try SQLiteStore(dataDirectory: directory.data) }
    }

    @Test("A directory that cannot be written is refused as such, also with a database in it")
    func readOnlyDirectory() throws {
        let directory = try TemporaryFolder()
        try SQLiteStore(dataDirectory: directory.data).close()
        let empty = directory.path + "/empty"
        #expect(mkdir(empty, 0o555) == 0)
        #expect(unlink(directory.data + "/lock") == 0)
        #expect(chmod(directory.data, 0o555) == 0)
        // Nothing is read-only to root, so that root asks as somebody else.
        let isRoot = geteuid() == 0
        if isRoot {
            #expect(chmod(directory.path, 0o755) == 0)
            for path in [directory.data, empty, directory.database] {
                #expect(chown(path, 65_534, 65_534) == 0)
            }
        }
        for path in [directory.data, empty] {
            let arguments = isRoot ? ["open-as", path, "65534"] : ["open", path, "0"]
            let lines = try Child(arguments).allLines()
            #expect(lines.count == 1 && lines[0].hasPrefix("notWritable(path: \"\(path)/lock\""))
        }
        #expect(chmod(directory.data, 0o755) == 0)
    }

    @Test("A database that was taken away from under the store is not committed to")
    func removedDatabase() throws {
        let directory = try TemporaryFolder()
        let store = try SQLiteStore(dataDirectory: directory.data)
        try store.commit(batch([plainRun()]))
        try FileManager.default.removeItem(atPath: directory.database)
        let expected = PeakStoreError.failed(
            reason: "\(directory.database) was removed or replaced")
        for _ in 0..<2 {
            #expect(throws: expected) { try store.commit(batch([plainRun(pid: 2)])) }
        }
    }

    private func mode(of path: String) throws -> mode_t {
        var status = stat()
        guard lstat(path, &status) == 0 else { throw FixtureError(reason: "no \(path)") }
        return status.st_mode & 0o7777
    }

    private func contents(of directory: String) throws -> [String: Data] {
        var contents: [String: Data] = [:]
        for name in try FileManager.default.contentsOfDirectory(atPath: directory) {
            contents[name] = try Data(contentsOf: URL(fileURLWithPath: directory + "/" + name))
        }
        return contents
    }

    private func makeData(_ directory: TemporaryFolder, _ content: Data?) throws {
        try FileManager.default.createDirectory(
            atPath: directory.data, withIntermediateDirectories: false,
            attributes: [.posixPermissions: 0o700])
        if let content { try content.write(to: URL(fileURLWithPath: directory.database)) }
    }

    /// Runs statements on a file as any SQLite tool would.
    private func edit(_ path: String, _ sql: String) throws {
        let queue = try DatabaseQueue(path: path)
        try queue.writeWithoutTransaction { try $0.execute(sql: sql) }
        try queue.close()
    }
}
