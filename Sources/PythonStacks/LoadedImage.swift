/// A file of the target and what the loader added to its addresses.
struct LoadedImage {
    var image: ElfImage
    var bias: UInt64

    /// Takes a file and what was added.
    init(image: ElfImage, bias: UInt64) {
        self.image = image
        self.bias = bias
    }

    /// Finds it in what is loaded from `start` on; nil where that is none.
    init?(in memory: any TargetMemory, start: UInt64) {
        guard let head = ElfImage(LoadedSource(memory: memory, start: start, segments: [])),
            let bias = head.loadBias(mappedAt: start, fileOffset: 0),
            let image = ElfImage(
                LoadedSource(memory: memory, start: start, segments: head.segments, bias: bias))
        else { return nil }
        self.init(image: image, bias: bias)
    }

    func address(_ name: String) -> UInt64? { symbol(name)?.value }

    /// Where a symbol is in memory.
    func symbol(_ name: String) -> ElfImage.Symbol? {
        image.symbol(name).map { ElfImage.Symbol(value: $0.value &+ bias, size: $0.size) }
    }
}

/// The bytes of a file as they are loaded, for one that was replaced or is out of reach.
///
/// There are no section headers in memory, and the loader has changed the addresses of the dynamic
/// section to what they are in memory (glibc does, musl does not).
private struct LoadedSource: ElfSource {
    let memory: any TargetMemory
    let start: UInt64
    let segments: [ElfImage.Segment]
    var bias: UInt64 = 0

    func bytes(atOffset offset: UInt64, count: Int) -> [UInt8]? {
        guard count <= 1 << 20 else { return nil }
        var address = start &+ offset
        for segment in segments where offset >= segment.offset {
            guard offset - segment.offset < segment.fileBytes else { continue }
            address = bias &+ segment.address &+ (offset - segment.offset)
        }
        var reads = AllowedReads(memory)
        guard var content = (try? reads.bytes(address, count))?.content else { return nil }
        if segments.contains(where: { $0.isDynamic && $0.offset == offset }) {
            content = DynamicSection.relocatedBack(content, bias: bias, segments: segments)
        }
        return content
    }
}
