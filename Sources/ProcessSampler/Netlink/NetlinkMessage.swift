/// One message of netlink(7): what follows a `struct nlmsghdr`, in the host's byte order.
struct NetlinkMessage {
    /// The kernel's answer to a request: an error number, 0 for success, then the request's header.
    static let errorType: UInt16 = 2
    /// The bytes of `struct nlmsghdr`.
    static let headerBytes = 16

    /// The type: a family of generic netlink, or one of the numbers below 16.
    let type: UInt16
    /// The sequence number: the request's in an answer, else the sender's own.
    let sequence: UInt32
    /// What follows the header.
    let payload: UnsafeRawBufferPointer

    /// The error number of an answer of type `errorType`; nil for anything else.
    var errorCode: Int32? {
        guard type == NetlinkMessage.errorType, let code = payload.integer(at: 0, Int32.self)
        else { return nil }
        return code == Int32.min ? Int32.max : -code
    }
}

/// The messages of a datagram, one after the other.
struct NetlinkMessages: Sequence, IteratorProtocol {
    private var rest: UnsafeRawBufferPointer

    /// Takes the bytes as they came.
    init(_ bytes: UnsafeRawBufferPointer) {
        rest = bytes
    }

    /// The next message; nil at the end, and where a length is impossible.
    mutating func next() -> NetlinkMessage? {
        guard let length = rest.integer(at: 0, UInt32.self).map({ Int($0) }),
            length >= NetlinkMessage.headerBytes, length <= rest.count,
            let type = rest.integer(at: 4, UInt16.self),
            let sequence = rest.integer(at: 8, UInt32.self)
        else { return nil }
        let payload = rest.part(NetlinkMessage.headerBytes..<length)
        rest = rest.part(Swift.min(aligned(length), rest.count)..<rest.count)
        return NetlinkMessage(type: type, sequence: sequence, payload: payload)
    }
}

/// The attributes in a payload (`struct nlattr`), one after the other.
struct NetlinkAttributes: Sequence, IteratorProtocol {
    /// The bytes of `struct nlattr`.
    static let headerBytes = 4

    private var rest: UnsafeRawBufferPointer

    /// Takes the bytes of the attributes.
    init(_ bytes: UnsafeRawBufferPointer) {
        rest = bytes
    }

    /// The next attribute without the two flags of its type; nil at the end, and where a length is
    /// impossible.
    mutating func next() -> (type: UInt16, payload: UnsafeRawBufferPointer)? {
        guard let length = rest.integer(at: 0, UInt16.self).map({ Int($0) }),
            length >= NetlinkAttributes.headerBytes, length <= rest.count,
            let type = rest.integer(at: 2, UInt16.self)
        else { return nil }
        let payload = rest.part(NetlinkAttributes.headerBytes..<length)
        rest = rest.part(Swift.min(aligned(length), rest.count)..<rest.count)
        return (type & 0x3FFF, payload)
    }
}

/// A length rounded up to the four bytes by which netlink aligns.
private func aligned(_ length: Int) -> Int { (length + 3) & ~3 }

extension UnsafeRawBufferPointer {
    /// The number at an offset, in the host's byte order; nil if it does not lie within the bytes.
    @inline(__always)
    func integer<Value: FixedWidthInteger & BitwiseCopyable>(
        at offset: Int, _ type: Value.Type
    ) -> Value? {
        guard offset >= 0, offset <= count - MemoryLayout<Value>.size else { return nil }
        return loadUnaligned(fromByteOffset: offset, as: type)
    }

    /// A part, whose bounds must lie within the bytes.
    @inline(__always)
    func part(_ range: Range<Int>) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: self[range])
    }
}
