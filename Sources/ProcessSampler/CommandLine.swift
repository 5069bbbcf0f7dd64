public import MemoryModel

/// `/proc/PID/cmdline`: the arguments that a process was started with (`proc_pid_cmdline(5)`).
///
/// A process may write over its arguments, so what stands here is what it says of itself. Nothing
/// of it may leave the agent but what `CommandLinePolicy` lets out.
public struct CommandLine: Hashable, Sendable {
    /// The arguments, the program's own name first; empty for a zombie.
    public var arguments: [RawText]

    /// The most bytes that are read of a command line.
    static let maximumBytes = 65_536
    /// The most arguments that are looked at.
    static let maximumArguments = 4_096

    /// Takes arguments as they are.
    public init(arguments: [RawText]) {
        self.arguments = arguments
    }

    /// Splits the file's bytes, in which each argument ends with a zero byte.
    ///
    /// An argument that the limit cut off is left out, because half a path names something else.
    init(_ bytes: UnsafeRawBufferPointer) {
        var arguments: [RawText] = []
        var start = 0
        while start < bytes.count, arguments.count < CommandLine.maximumArguments {
            let end = bytes[start...].firstIndex(of: 0) ?? bytes.count
            if end == bytes.count, bytes.count >= CommandLine.maximumBytes { break }
            arguments.append(RawText(Array(bytes[start..<end])))
            start = end + 1
        }
        while arguments.last?.isEmpty == true { arguments.removeLast() }
        self.arguments = arguments
    }

    /// A number that differs between any two command lines that are not equal, but for chance.
    static func fingerprint(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        return hash
    }
}
