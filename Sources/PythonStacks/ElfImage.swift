/// Where the bytes of a program or library come from: a file, or what is loaded of it.
public protocol ElfSource {
    /// All of `count` bytes at an offset in the file; nil if they are not to be had.
    func bytes(atOffset offset: UInt64, count: Int) -> [UInt8]?
}

/// A program or library in the Executable and Linkable Format, 64 bits, little-endian (`elf(5)`).
///
/// Nothing in it is trusted: every count and offset has a limit, every read can fail, and a search
/// ends after a number of steps that does not depend on what the file says.
public struct ElfImage {
    /// A part of the file that is loaded (`PT_LOAD`), or the dynamic section in one (`PT_DYNAMIC`).
    struct Segment {
        var offset: UInt64
        var address: UInt64
        var fileBytes: UInt64
        var isDynamic = false
    }

    /// The parts that are loaded, in the file's order, and the dynamic section.
    let segments: [Segment]

    private let source: any ElfSource
    private let dynamic: DynamicSection
    private let sections: (offset: UInt64, count: Int)

    /// The most program headers and section headers that are believed.
    static let maximumHeaders = 1_024
    /// The most symbols that all tables together are searched through.
    static let maximumSymbols = 1 << 20
    /// The most names of symbols that are read for it, each by a read of its own.
    static let maximumNames = 1 << 16
    /// The most steps along one chain of a hash table.
    private static let maximumChain = 4_096
    private static let symbolBytes = 24

    /// Reads the headers; nil if it is no such file, or not a whole one.
    public init?(_ source: any ElfSource) {
        guard let bytes = source.bytes(atOffset: 0, count: 64) else { return nil }
        let header = ByteView(bytes)
        // Magic, 64 bits, little-endian.
        guard header.bytes(at: 0, count: 6) == [0x7F, 0x45, 0x4C, 0x46, 2, 1],
            let programs = header.u64(32), let sectionOffset = header.u64(40),
            let programBytes = header.u16(54), let programCount = header.u16(56),
            let sectionBytes = header.u16(58), let sectionCount = header.u16(60),
            programBytes == 56, Int(programCount) <= ElfImage.maximumHeaders,
            let table = source.bytes(atOffset: programs, count: 56 * Int(programCount))
        else { return nil }
        let view = ByteView(table)
        var segments: [Segment] = []
        var dynamicBytes: [UInt8]?
        for index in 0..<Int(programCount) {
            let start = index * 56
            guard let kind = view.u32(start), let offset = view.u64(start + 8),
                let address = view.u64(start + 16), let fileBytes = view.u64(start + 32)
            else { return nil }
            if kind == 1 {
                segments.append(Segment(offset: offset, address: address, fileBytes: fileBytes))
            } else if kind == 2 {
                segments.append(
                    Segment(
                        offset: offset, address: address, fileBytes: fileBytes, isDynamic: true))
                let count = Int(min(fileBytes, DynamicSection.maximumBytes))
                dynamicBytes = source.bytes(atOffset: offset, count: count)
            }
        }
        self.source = source
        self.segments = segments
        dynamic = DynamicSection(dynamicBytes ?? [])
        let isUsual = sectionBytes == 64 && Int(sectionCount) <= ElfImage.maximumHeaders
        sections = (sectionOffset, isUsual ? Int(sectionCount) : 0)
    }

    /// The address that the lowest segment wants, without what the loader adds to it.
    ///
    /// - Parameters:
    ///   - start: The address of a mapping of this file.
    ///   - fileOffset: The offset in the file that is mapped there.
    /// - Returns: What the loader added to every address; nil if the mapping is none of a segment.
    func loadBias(mappedAt start: UInt64, fileOffset: UInt64) -> UInt64? {
        let page: UInt64 = 4_095
        for segment in segments
        where !segment.isDynamic && segment.offset & ~page == fileOffset & ~page {
            return start &- (segment.address & ~page)
        }
        return nil
    }

    /// The value of a symbol, an address before the loader added to it; nil if it is not there.
    ///
    /// Looks it up as the loader does, and only where there is no hash table goes through the
    /// symbol tables that the section headers name.
    public func value(of symbol: String) -> UInt64? { self.symbol(symbol)?.value }

    /// The same with the size of what the symbol names.
    func symbol(_ symbol: String) -> Symbol? {
        let name = Array(symbol.utf8)
        if let found = lookUpGNU(name) ?? lookUpSystemV(name) { return found }
        // A hash table has all that other files can see, as extensions of Python have to. Of what
        // they cannot see there can be hundreds of thousands, each of them a read.
        guard dynamic.gnuHash == nil, dynamic.systemVHash == nil else { return nil }
        return searchSections(name)
    }

    /// Where something is, before the loader added to it, and how large it is.
    struct Symbol: Equatable {
        var value: UInt64
        var size: UInt64
    }

    /// Bytes at an address of the file, before the loader added to it.
    func bytes(atAddress address: UInt64, count: Int) -> [UInt8]? {
        for segment in segments
        where !segment.isDynamic && address >= segment.address
            && address - segment.address < segment.fileBytes
        {
            let (offset, overflow) = segment.offset.addingReportingOverflow(
                address - segment.address)
            return overflow ? nil : source.bytes(atOffset: offset, count: count)
        }
        return nil
    }

    // MARK: Hash tables

    /// `DT_GNU_HASH`: header of four words, bloom filter, buckets, chains of hashes.
    private func lookUpGNU(_ name: [UInt8]) -> Symbol? {
        guard let table = dynamic.gnuHash, let header = view(table, 16),
            let buckets = header.u32(0), let firstSymbol = header.u32(4),
            let bloomWords = header.u32(8), buckets > 0
        else { return nil }
        var hash: UInt32 = 5381
        for byte in name { hash = hash &* 33 &+ UInt32(byte) }
        let bucketStart = table &+ 16 &+ UInt64(bloomWords) * 8
        let chainStart = bucketStart &+ UInt64(buckets) * 4
        guard var index = view(bucketStart &+ UInt64(hash % buckets) * 4, 4)?.u32(0),
            index >= firstSymbol
        else { return nil }
        for _ in 0..<ElfImage.maximumChain {
            guard let link = view(chainStart &+ UInt64(index - firstSymbol) * 4, 4)?.u32(0) else {
                return nil
            }
            if link | 1 == hash | 1, let value = dynamicSymbol(index, named: name) { return value }
            guard link & 1 == 0, index < UInt32.max else { return nil }
            index += 1
        }
        return nil
    }

    /// `DT_HASH`: counts of buckets and chains, buckets, chains of symbol numbers.
    private func lookUpSystemV(_ name: [UInt8]) -> Symbol? {
        guard let table = dynamic.systemVHash, let buckets = view(table, 8)?.u32(0), buckets > 0
        else { return nil }
        var hash: UInt32 = 0
        for byte in name {
            hash = hash << 4 &+ UInt32(byte)
            hash = (hash ^ (hash & 0xF000_0000) >> 24) & 0x0FFF_FFFF
        }
        guard var index = view(table &+ 8 &+ UInt64(hash % buckets) * 4, 4)?.u32(0) else {
            return nil
        }
        for _ in 0..<ElfImage.maximumChain {
            guard index != 0 else { return nil }
            if let value = dynamicSymbol(index, named: name) { return value }
            let chain = table &+ 8 &+ (UInt64(buckets) + UInt64(index)) * 4
            guard let next = view(chain, 4)?.u32(0) else { return nil }
            index = next
        }
        return nil
    }

    private func dynamicSymbol(_ index: UInt32, named name: [UInt8]) -> Symbol? {
        guard let symbols = dynamic.symbols, let strings = dynamic.strings,
            let symbol = view(symbols &+ UInt64(index) * UInt64(ElfImage.symbolBytes), 24),
            let value = ElfImage.definedValue(symbol, at: 0), let nameOffset = symbol.u32(0),
            let found = bytes(atAddress: strings &+ UInt64(nameOffset), count: name.count + 1)
        else { return nil }
        return found == name + [0] ? value : nil
    }

    private func view(_ address: UInt64, _ count: Int) -> ByteView? {
        bytes(atAddress: address, count: count).map { ByteView($0) }
    }

    /// A symbol that is defined here, and not in another library.
    private static func definedValue(_ view: ByteView, at start: Int) -> Symbol? {
        guard let section = view.u16(start + 6), section != 0, let value = view.u64(start + 8),
            value != 0
        else { return nil }
        return Symbol(value: value, size: view.u64(start + 16) ?? 0)
    }

    // MARK: Section headers

    private func searchSections(_ name: [UInt8]) -> Symbol? {
        guard sections.count > 0,
            let table = source.bytes(atOffset: sections.offset, count: 64 * sections.count)
        else { return nil }
        let headers = ByteView(table)
        var left = SymbolAllowance()
        for index in 0..<sections.count {
            // SHT_SYMTAB and SHT_DYNSYM.
            guard let kind = headers.u32(index * 64 + 4), kind == 2 || kind == 11,
                let offset = headers.u64(index * 64 + 24), let size = headers.u64(index * 64 + 32),
                let link = headers.u32(index * 64 + 40), Int(link) < sections.count,
                let strings = headers.u64(Int(link) * 64 + 24)
            else { continue }
            let count = min(Int(clamping: size) / ElfImage.symbolBytes, left.symbols)
            left.symbols -= count
            if let value = search(
                symbols: offset, count: count, strings: strings, for: name, &left)
            {
                return value
            }
        }
        return nil
    }

    /// What is left to a search, whatever the section headers say.
    private struct SymbolAllowance {
        var symbols = ElfImage.maximumSymbols
        var names = ElfImage.maximumNames
    }

    private func search(
        symbols: UInt64, count: Int, strings: UInt64, for name: [UInt8],
        _ left: inout SymbolAllowance
    ) -> Symbol? {
        let step = 4_096
        for first in stride(from: 0, to: count, by: step) {
            let number = min(step, count - first)
            let (offset, overflow) = symbols.addingReportingOverflow(
                UInt64(first * ElfImage.symbolBytes))
            guard !overflow,
                let piece = source.bytes(
                    atOffset: offset, count: number * ElfImage.symbolBytes)
            else { return nil }
            let view = ByteView(piece)
            for index in 0..<number {
                let start = index * ElfImage.symbolBytes
                // Of every symbol the name would have to be read; only objects are looked for.
                guard let info = view.u8(start + 4), info & 15 == 1,
                    let value = ElfImage.definedValue(view, at: start),
                    let nameOffset = view.u32(start)
                else { continue }
                guard left.names > 0 else { return nil }
                left.names -= 1
                let (place, tooFar) = strings.addingReportingOverflow(UInt64(nameOffset))
                guard !tooFar,
                    source.bytes(atOffset: place, count: name.count + 1) == name + [0]
                else { continue }
                return value
            }
        }
        return nil
    }
}

/// The entries of `PT_DYNAMIC` that lead to the symbols, as addresses before loading.
struct DynamicSection {
    var gnuHash: UInt64?
    var systemVHash: UInt64?
    var symbols: UInt64?
    var strings: UInt64?

    /// The most bytes of it that are read: 4,096 entries.
    static let maximumBytes: UInt64 = 65_536

    init(_ bytes: [UInt8]) {
        let view = ByteView(bytes)
        for start in stride(from: 0, to: bytes.count - 15, by: 16) {
            guard let tag = view.u64(start), let value = view.u64(start + 8), tag != 0 else {
                return
            }
            switch tag {
            case 4: systemVHash = value
            case 5: strings = value
            case 6: symbols = value
            case 0x6FFF_FEF5: gnuHash = value
            default: break
            }
        }
    }

    /// What a loaded section was before the loader added the bias to its addresses.
    ///
    /// An address that lies in a segment already is left as it is.
    static func relocatedBack(
        _ bytes: [UInt8], bias: UInt64, segments: [ElfImage.Segment]
    ) -> [UInt8] {
        func isInside(_ address: UInt64) -> Bool {
            segments.contains {
                address >= $0.address && address - $0.address < max(1, $0.fileBytes)
            }
        }
        let view = ByteView(bytes)
        var content = bytes
        for start in stride(from: 0, to: bytes.count - 15, by: 16) {
            guard let tag = view.u64(start), let value = view.u64(start + 8),
                [4, 5, 6, 0x6FFF_FEF5].contains(tag), !isInside(value), isInside(value &- bias)
            else { continue }
            withUnsafeBytes(of: (value &- bias).littleEndian) {
                content.replaceSubrange((start + 8)..<(start + 16), with: $0)
            }
        }
        return content
    }
}
