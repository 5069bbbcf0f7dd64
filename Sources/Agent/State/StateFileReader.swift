import Glibc
import Wire

/// Reads a state file frame by frame, in memory for one frame and no more.
///
/// At the first damage it ends: what follows means nothing, as the same slots mean other runs.
final class StateFileReader {
    /// What the file says of itself.
    let header: StateFileHeader
    /// What is wrong with the file; nil as far as nothing is.
    private(set) var damage: String?

    private let file: Int32
    private let calls: any StateFileCalls
    private var decoder: FrameDecoder
    private var buffer: [UInt8] = []
    private var position = 0
    private var sequence: UInt64 = 0
    private var isAtEnd = false

    private static let chunkBytes = 65_536

    /// Why a file cannot be read at all.
    enum Failure: Error, CustomStringConvertible {
        /// It does not begin as a state file.
        case noHeader
        /// The kernel gives none of it.
        case unreadable(FileFailure)
        /// There is no memory to decode it.
        case noDecoder(WireError)

        var description: String {
            switch self {
            case .noHeader: "it does not begin as a state file of this version"
            case .unreadable(let failure): "\(failure)"
            case .noDecoder(let error): error.reason
            }
        }
    }

    /// Opens the file of that name; nil if there is none.
    static func open(_ name: String, in folder: StateFolder) throws(Failure) -> StateFileReader? {
        let file: Int32?
        do throws(FileFailure) {
            file = try folder.openToRead(name)
        } catch {
            throw .unreadable(error)
        }
        guard let file else { return nil }
        return try StateFileReader(reading: file, by: folder.calls)
    }

    /// Reads the header of an open file, which is closed with this.
    private init(reading file: Int32, by calls: any StateFileCalls) throws(Failure) {
        self.file = file
        self.calls = calls
        do throws(WireError) { decoder = try FrameDecoder() } catch {
            close(file)
            throw .noDecoder(error)
        }
        var first: [UInt8] = []
        do throws(FileFailure) { _ = try StateFileReader.fill(&first, from: file, by: calls) } catch
        {
            close(file)
            throw .unreadable(error)
        }
        guard let (header, length) = StateFileHeader.read(first) else {
            close(file)
            throw .noHeader
        }
        self.header = header
        buffer = first
        position = length
    }

    deinit { close(file) }

    /// The next frame; nil at the end, or where the file is damaged.
    func next() -> Frame? {
        guard damage == nil, !isAtEnd else { return nil }
        do {
            while true {
                let decoded = try buffer[position...].withUnsafeBytes {
                    try decoder.decode($0, isWelcomed: true)
                }
                if let decoded { return try take(decoded) }
                guard try fill() else {
                    damage =
                        position == buffer.count ? "its end is missing" : "its last frame is cut"
                    return nil
                }
            }
        } catch let error as WireError {
            damage = error.reason
        } catch {
            damage = "\(error)"
        }
        return nil
    }

    private func take(_ decoded: DecodedFrame) throws -> Frame? {
        guard decoded.sequence == sequence else {
            throw WireError(
                code: .badSequence,
                reason: "frame \(decoded.sequence) stands where \(sequence) belongs")
        }
        position += decoded.consumedBytes
        sequence += 1
        if case .goodbye = decoded.frame {
            isAtEnd = true
            if try position < buffer.count || fill() { damage = "more follows its end" }
            return nil
        }
        return decoded.frame
    }

    /// Reads on; false at the end of the file.
    private func fill() throws -> Bool {
        buffer.removeFirst(position)
        position = 0
        return try StateFileReader.fill(&buffer, from: file, by: calls)
    }

    private static func fill(
        _ buffer: inout [UInt8], from file: Int32, by calls: any StateFileCalls
    ) throws(FileFailure) -> Bool {
        var failure: FileFailure?
        let chunk = [UInt8](unsafeUninitializedCapacity: chunkBytes) { bytes, count in
            do throws(FileFailure) {
                count = try calls.read(into: UnsafeMutableRawBufferPointer(bytes), from: file)
            } catch {
                failure = error
                count = 0
            }
        }
        if let failure { throw failure }
        buffer += chunk
        return !chunk.isEmpty
    }
}
