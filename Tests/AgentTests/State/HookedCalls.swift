import Foundation

@testable import Agent

/// The kernel's own calls, each after what a test does before it.
final class HookedCalls: StateFileCalls {
    enum Call {
        case create, write, read, sync, rename, remove
    }

    private let system = SystemFileCalls()
    private let before: @Sendable (Call) throws(FileFailure) -> Void

    /// `before` may throw in the place of a call, and may wait.
    init(_ before: @escaping @Sendable (Call) throws(FileFailure) -> Void) {
        self.before = before
    }

    func create(_ name: String, in folder: Int32) throws(FileFailure) -> Int32 {
        try before(.create)
        return try system.create(name, in: folder)
    }

    func write(_ bytes: UnsafeRawBufferPointer, to file: Int32) throws(FileFailure) -> Int {
        try before(.write)
        return try system.write(bytes, to: file)
    }

    func read(
        into bytes: UnsafeMutableRawBufferPointer, from file: Int32
    ) throws(FileFailure) -> Int {
        try before(.read)
        return try system.read(into: bytes, from: file)
    }

    func sync(_ file: Int32) throws(FileFailure) {
        try before(.sync)
        try system.sync(file)
    }

    func close(_ file: Int32) { system.close(file) }

    func rename(_ name: String, to other: String, in folder: Int32) throws(FileFailure) {
        try before(.rename)
        try system.rename(name, to: other, in: folder)
    }

    func remove(_ name: String, in folder: Int32) throws(FileFailure) {
        try before(.remove)
        try system.remove(name, in: folder)
    }
}
