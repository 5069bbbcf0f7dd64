import MemoryModel

/// What is known of one code object.
struct KnownCode {
    /// Its function's number.
    var function: Int32
    var firstLine: Int32
    /// The bytes of its table of lines.
    var lines: [UInt8]
    /// What identified it; an address is used again when code is freed.
    var identity: CodeIdentity
}

/// What two code objects at one address differ in.
struct CodeIdentity: Hashable {
    var file: UInt64
    var name: UInt64
    var lines: UInt64
    var firstLine: Int32
}

/// The types that objects are checked against; nil where the interpreter does not tell.
public struct ObjectTypes: Hashable, Sendable {
    /// `PyCode_Type`.
    public var code: UInt64?
    /// `PyUnicode_Type`.
    public var text: UInt64?
    /// `PyBytes_Type`.
    public var bytes: UInt64?
    /// `PyFrame_Type`.
    public var frame: UInt64?

    /// Takes addresses in the target.
    public init(
        code: UInt64? = nil, text: UInt64? = nil, bytes: UInt64? = nil, frame: UInt64? = nil
    ) {
        self.code = code
        self.text = text
        self.bytes = bytes
        self.frame = frame
    }
}

/// Code objects that were read before.
struct CodeCache {
    /// The longest table that is believed; a function of ten thousand lines takes about 0.2 MiB.
    static let maximumLineBytes = 1 << 20
    /// The most characters of a name that are kept.
    static let maximumNameCharacters = 1_024
    /// The greatest line that is believed.
    static let maximumLine: Int32 = 100_000_000

    private let layout: PythonLayout
    private let types: ObjectTypes
    private let limits: StackLimits
    private let headBytes: Int
    private var codes: [UInt64: KnownCode] = [:]
    private var byteCount = 0

    init(layout: PythonLayout, types: ObjectTypes, limits: StackLimits) {
        self.layout = layout
        self.limits = limits
        self.types = types
        headBytes = [
            layout.codeFile, layout.codeName, layout.codeFirstLine, layout.codeLines,
            layout.objectType, layout.objectSize,
        ].reduce(0) { max($0, $1 + 8) }
    }

    /// Reads the code at an address, or finds it among those that were read before.
    mutating func code(
        at address: UInt64, _ reads: inout AllowedReads, _ functions: inout FunctionTable
    ) throws(ReadFault) -> KnownCode {
        let head: ByteView
        do throws(ReadFault) {
            head = try reads.bytes(address, headBytes)
        } catch {
            throw error == .unreadable ? .wrongCode : error
        }
        guard types.code.map({ head.u64(layout.objectType) == $0 }) ?? true,
            let file = head.u64(layout.codeFile), let name = head.u64(layout.codeName),
            let lines = head.u64(layout.codeLines), let firstLine = head.i32(layout.codeFirstLine),
            (0...CodeCache.maximumLine).contains(firstLine)
        else { throw .wrongCode }
        let identity = CodeIdentity(file: file, name: name, lines: lines, firstLine: firstLine)
        if let known = codes[address], known.identity == identity { return known }
        let table = try content(ofBytes: lines, &reads)
        let function = PythonFunction(
            file: try text(file, &reads), name: try text(name, &reads), firstLine: firstLine)
        let known = KnownCode(
            function: functions.number(of: function), firstLine: firstLine, lines: table,
            identity: identity)
        keep(known, at: address)
        return known
    }

    private mutating func keep(_ known: KnownCode, at address: UInt64) {
        if codes.count >= limits.maximumCodes
            || byteCount + known.lines.count > limits.maximumCodeBytes
        {
            codes.removeAll(keepingCapacity: true)
            byteCount = 0
        }
        byteCount += known.lines.count - (codes[address]?.lines.count ?? 0)
        codes[address] = known
    }

    /// The content of a bytes object.
    private func content(
        ofBytes address: UInt64, _ reads: inout AllowedReads
    ) throws(ReadFault) -> [UInt8] {
        do throws(ReadFault) {
            let head = try reads.bytes(
                address, max(layout.objectSize, layout.objectType) + 8)
            guard types.bytes.map({ head.u64(layout.objectType) == $0 }) ?? true,
                let size = head.u64(layout.objectSize),
                size <= UInt64(CodeCache.maximumLineBytes)
            else { throw .wrongLines }
            if size == 0 { return [] }
            return try reads.bytes(address.offset(layout.bytesContent), Int(size)).content
        } catch {
            throw error == .unreadable ? .wrongLines : error
        }
    }

    /// The UTF-8 form of a text object, the first `maximumNameCharacters` of it.
    private func text(
        _ address: UInt64, _ reads: inout AllowedReads
    ) throws(ReadFault) -> RawText {
        do throws(ReadFault) {
            let head = try reads.bytes(
                address, max(layout.textLength, layout.textState, layout.objectType) + 8)
            guard types.text.map({ head.u64(layout.objectType) == $0 }) ?? true,
                let length = head.u64(layout.textLength), length < 1 << 30,
                let state = head.u32(layout.textState)
            else { throw .wrongName }
            let form = TextForm(state: state)
            let unit = form.bytesPerCharacter
            guard form.isCompact, unit == 1 || unit == 2 || unit == 4 else {
                throw .wrongName
            }
            let count = min(Int(length), CodeCache.maximumNameCharacters)
            if count == 0 { return "" }
            let start = form.isASCII ? layout.textASCII : layout.textCompact
            let content = try reads.bytes(address.offset(start), count * unit)
            return form.isASCII
                ? RawText(content.content) : TextForm.utf8(content, unit: unit, count: count)
        } catch {
            throw error == .unreadable ? .wrongName : error
        }
    }
}

/// The bits of `PyASCIIObject.state`, the same in all versions that are read.
struct TextForm {
    var bytesPerCharacter: Int
    var isCompact: Bool
    var isASCII: Bool

    init(state: UInt32) {
        bytesPerCharacter = Int(state >> 2 & 7)
        isCompact = state >> 5 & 1 == 1
        isASCII = state >> 6 & 1 == 1
    }

    /// Characters of one, two or four bytes as UTF-8; what is no character becomes U+FFFD.
    static func utf8(_ content: ByteView, unit: Int, count: Int) -> RawText {
        var text = String.UnicodeScalarView()
        for index in 0..<count {
            let value: UInt32? =
                switch unit {
                case 1: content.u8(index).map { UInt32($0) }
                case 2: content.u16(index * 2).map { UInt32($0) }
                default: content.u32(index * 4)
                }
            text.append(value.flatMap { Unicode.Scalar($0) } ?? "\u{FFFD}")
        }
        return RawText(String(text))
    }
}
