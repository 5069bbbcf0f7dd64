public import MemoryModel

/// Why a datagram is passed over; `Protocol/section-datagram-v1.md`, section 4.
public enum SectionFault: String, Error, Hashable, Sendable, CaseIterable {
    /// It has more than 4,096 bytes.
    case tooLarge
    /// It is not one line of UTF-8.
    case badLine
    /// It is not one JSON object that is taken.
    case badJSON
    /// Its version is not known.
    case unknownVersion
    /// Its kind is not known.
    case unknownKind
    /// A field is missing, wrong, or against another one.
    case badField
}

/// What a program tells of itself in one datagram, by `Protocol/section-datagram-v1.md`.
public struct SectionDatagram: Hashable, Sendable {
    /// A section that has ended.
    public struct Section: Hashable, Sendable {
        /// What people call it: 1 to 256 bytes.
        public var name: RawText
        /// When it began, in microseconds since boot.
        public var startedAtMicroseconds: UInt64
        /// What was resident when it began, in KiB.
        public var startKibibytes: UInt64
        /// What was resident when it ended, in KiB.
        public var endKibibytes: UInt64
        /// The most that was resident in between, in KiB.
        public var peakKibibytes: UInt64
        /// Whether that is the kernel's mark, and not what looks saw.
        public var isByMark: Bool
        /// Whether nothing can have been above it.
        public var isExact: Bool
        /// Whether sections of other threads or tasks overlapped.
        public var isShared: Bool
        /// Whether the program has ever reset its mark.
        public var isMarkReset: Bool
    }

    /// The process, as it sees itself: for people only.
    public var pid: Int32
    /// When the process began, in clock ticks since boot.
    public var startTicks: UInt64
    /// The section; nil where it only tells what a reset is about to wipe out.
    public var section: Section?
    /// When the section ended, or when the mark is reset, in microseconds since boot.
    public var atMicroseconds: UInt64
    /// The most that the program image held until then, in KiB; nil where there is no mark.
    public var lifetimeKibibytes: UInt64?
    /// How many datagrams of the process were dropped since it began.
    public var unsentCount: UInt64

    /// The most bytes of one.
    public static let maximumBytes = 4_096
    /// The most bytes of a name.
    static let maximumNameBytes = 256
    private static let maximumDepth = 8
    private static let maximumNumber: UInt64 = 1 << 53 - 1
    private static let lineFeed: UInt8 = 0x0A

    /// Whether it says that the mark of its process was reset, or is about to be.
    public var resetsMark: Bool { section?.isMarkReset ?? true }

    /// Reads a datagram; throws why it is passed over.
    public init(_ bytes: [UInt8]) throws(SectionFault) {
        guard bytes.count <= SectionDatagram.maximumBytes else { throw .tooLarge }
        guard bytes.firstIndex(of: SectionDatagram.lineFeed) == bytes.count - 1,
            String(validating: bytes, as: UTF8.self) != nil
        else { throw .badLine }
        var reader = StrictJSONReader(
            Array(bytes.dropLast()), maximumDepth: SectionDatagram.maximumDepth)
        let fields: Fields
        do throws(StrictJSONFailure) {
            guard case .object(let members) = try reader.document() else {
                throw StrictJSONFailure()
            }
            fields = Fields(members)
        } catch {
            throw .badJSON
        }
        guard fields["v"] == .integer(1) else { throw .unknownVersion }
        guard case .string(let kind, _) = fields["kind"] else { throw .unknownKind }
        guard let kind = Kind(rawValue: String(decoding: kind, as: UTF8.self)) else {
            throw .unknownKind
        }
        pid = Int32(try fields.number("pid", in: 1...UInt64(Int32.max)))
        startTicks = try fields.number("startTicks")
        unsentCount = try fields.number("unsentCount")
        switch kind {
        case .reset:
            atMicroseconds = try fields.number("at")
            lifetimeKibibytes = try fields.number("lifetimeKiB")
        case .section:
            atMicroseconds = try fields.number("endedAt")
            lifetimeKibibytes = try fields.optionalNumber("lifetimeKiB")
            section = try fields.section()
            try checkTogether()
        }
    }

    private enum Kind: String {
        case section, reset
    }

    private func checkTogether() throws(SectionFault) {
        guard let section else { return }
        let isPlausible =
            section.startedAtMicroseconds <= atMicroseconds
            && section.startKibibytes <= section.peakKibibytes
            && section.endKibibytes <= section.peakKibibytes
            && (!section.isExact || section.isByMark)
            && (lifetimeKibibytes.map { section.peakKibibytes <= $0 } ?? true)
        guard isPlausible else { throw .badField }
    }

    /// The fields of a datagram by their names.
    private struct Fields {
        private var values: [[UInt8]: StrictJSON] = [:]

        init(_ members: [StrictJSON.Member]) {
            for member in members { values[member.key] = member.value }
        }

        subscript(name: String) -> StrictJSON? { values[Array(name.utf8)] }

        func number(
            _ name: String, in range: ClosedRange<UInt64> = 0...SectionDatagram.maximumNumber
        ) throws(SectionFault) -> UInt64 {
            guard case .integer(let number) = self[name], range.contains(number) else {
                throw .badField
            }
            return number
        }

        func optionalNumber(_ name: String) throws(SectionFault) -> UInt64? {
            self[name] == .null ? nil : try number(name)
        }

        func flag(_ name: String) throws(SectionFault) -> Bool {
            guard case .boolean(let flag) = self[name] else { throw .badField }
            return flag
        }

        func section() throws(SectionFault) -> Section {
            guard case .string(let method, _) = self["method"] else { throw .badField }
            let isByMark = method == Array("mark".utf8)
            guard isByMark || method == Array("sampled".utf8) else { throw .badField }
            return Section(
                name: try name(), startedAtMicroseconds: try number("startedAt"),
                startKibibytes: try number("startKiB"), endKibibytes: try number("endKiB"),
                peakKibibytes: try number("peakKiB"), isByMark: isByMark,
                isExact: try flag("exact"), isShared: try flag("shared"),
                isMarkReset: try flag("markReset"))
        }

        private func name() throws(SectionFault) -> RawText {
            let bytes: [UInt8]
            switch self["name"] {
            case .string(let text, isBroken: false): bytes = text
            case .object(let members):
                guard members.count == 1, members[0].key == Array("hex".utf8),
                    case .string(let digits, _) = members[0].value,
                    let raw = SectionDatagram.bytes(ofHex: digits),
                    String(validating: raw, as: UTF8.self) == nil
                else { throw .badField }
                bytes = raw
            default: throw .badField
            }
            guard (1...SectionDatagram.maximumNameBytes).contains(bytes.count) else {
                throw .badField
            }
            return RawText(bytes)
        }
    }

    /// Bytes of lower-case hexadecimal digits; nil for anything else.
    private static func bytes(ofHex digits: [UInt8]) -> [UInt8]? {
        guard digits.count.isMultiple(of: 2),
            !digits.contains(where: { (UInt8(ascii: "A")...UInt8(ascii: "F")).contains($0) })
        else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(digits.count / 2)
        for index in stride(from: 0, to: digits.count, by: 2) {
            guard let high = StrictJSONReader.hexDigit(digits[index]),
                let low = StrictJSONReader.hexDigit(digits[index + 1])
            else { return nil }
            bytes.append(high << 4 | low)
        }
        return bytes
    }
}
