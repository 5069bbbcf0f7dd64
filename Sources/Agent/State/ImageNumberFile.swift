package import MemoryModel

/// The file in the state directory that keeps image numbers from one agent to the next.
///
/// Its first line is the boot; the numbers of another boot mean nothing. It need not outlive a
/// power cut for the same reason, so it is not flushed to the disk.
package struct ImageNumberFile: Sendable {
    private let directory: StateDirectory
    private let boot: BootID

    private static let name = "images"
    private static let maximumBytes = 4 << 20

    /// The file in `directory`, as far as it is of `boot`.
    package init(in directory: StateDirectory, boot: BootID) {
        self.directory = directory
        self.boot = boot
    }

    /// The numbers that were kept; none if there is no such file, or one of another boot.
    package func load() throws -> ImageNumbers {
        guard
            let text = try directory.text(
                of: ImageNumberFile.name, maximumBytes: ImageNumberFile.maximumBytes)
        else { return ImageNumbers() }
        let parts = text.split(separator: "\n", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts[0] == boot.description[...] else { return ImageNumbers() }
        guard parts.count == 2, let numbers = ImageNumbers(text: parts[1]) else {
            throw StateDirectory.Problem(
                kind: .wrong,
                description: "\(directory.path)/\(ImageNumberFile.name) is damaged; remove it")
        }
        return numbers
    }

    /// Keeps `numbers` in the place of those before; it may wait for the disk.
    package func save(_ numbers: ImageNumbers) throws {
        try directory.keep("\(boot)\n\(numbers.text)", as: ImageNumberFile.name)
    }
}
