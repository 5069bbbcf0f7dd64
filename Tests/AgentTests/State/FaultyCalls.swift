import Foundation
import Synchronization

@testable import Agent

/// The kernel's own calls, as far as they go: from one of them on, all fail.
final class FaultyCalls: StateFileCalls {
    /// What happens at the chosen call.
    enum Fault: Sendable {
        /// The program is killed: nothing follows, clearing up included.
        case death
        /// This call and all writes after it find a full disk.
        case fullDisk
    }

    private struct State {
        var count = 0
        var isDead = false
    }

    private let system = SystemFileCalls()
    private let fault: Fault
    private let place: Int
    private let state = Mutex(State())

    /// Lets `place` calls pass.
    init(_ fault: Fault, after place: Int) {
        self.fault = fault
        self.place = place
    }

    /// How many calls were made, those that failed included.
    var count: Int { state.withLock { $0.count } }

    private func pass(isWriting: Bool) throws(FileFailure) {
        let isFault = state.withLock { state in
            state.count += 1
            guard state.count > place else { return false }
            return fault == .death || isWriting
        }
        if isFault { throw FileFailure("fault", code: ENOSPC) }
    }

    func create(_ name: String, in folder: Int32) throws(FileFailure) -> Int32 {
        try pass(isWriting: true)
        return try system.create(name, in: folder)
    }

    func write(_ bytes: UnsafeRawBufferPointer, to file: Int32) throws(FileFailure) -> Int {
        do throws(FileFailure) { try pass(isWriting: true) } catch {
            // A full disk and a death in the midst of a call both leave a part of it.
            let half = UnsafeRawBufferPointer(rebasing: bytes[..<(bytes.count / 2)])
            if !half.isEmpty, count == place + 1 { _ = try system.write(half, to: file) }
            throw error
        }
        return try system.write(bytes, to: file)
    }

    func read(
        into bytes: UnsafeMutableRawBufferPointer, from file: Int32
    ) throws(FileFailure) -> Int {
        try system.read(into: bytes, from: file)
    }

    func sync(_ file: Int32) throws(FileFailure) {
        try pass(isWriting: true)
        try system.sync(file)
    }

    func close(_ file: Int32) { system.close(file) }

    func rename(_ name: String, to other: String, in folder: Int32) throws(FileFailure) {
        try pass(isWriting: true)
        try system.rename(name, to: other, in: folder)
    }

    func remove(_ name: String, in folder: Int32) throws(FileFailure) {
        try pass(isWriting: false)
        try system.remove(name, in: folder)
    }
}
