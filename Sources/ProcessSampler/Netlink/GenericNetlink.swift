/// Requests to the families of generic netlink, and what they answer (`linux/genetlink.h`).
enum GenericNetlink {
    /// The bytes of `struct genlmsghdr`.
    static let headerBytes = 4
    /// The family that tells the numbers of the others (`GENL_ID_CTRL`).
    static let controlFamily: UInt16 = 0x10

    private static let request: UInt16 = 1
    private static let acknowledge: UInt16 = 4

    /// Appends one request with one attribute to `bytes`.
    ///
    /// - Parameters:
    ///   - command: The family's number for what is asked.
    ///   - family: The family.
    ///   - attribute: The attribute's type.
    ///   - payload: The attribute's content.
    ///   - sequence: The number that the answer will carry.
    ///   - isAcknowledged: Whether success is to be answered, too.
    ///   - bytes: Where it is appended.
    static func append(
        command: UInt8, of family: UInt16, attribute: UInt16, payload: some Collection<UInt8>,
        sequence: UInt32, isAcknowledged: Bool, to bytes: inout [UInt8]
    ) {
        let attributeBytes = NetlinkAttributes.headerBytes + payload.count
        let padding = -attributeBytes & 3
        let length = NetlinkMessage.headerBytes + headerBytes + attributeBytes + padding
        append(UInt32(length), to: &bytes)
        append(family, to: &bytes)
        append(request | (isAcknowledged ? acknowledge : 0), to: &bytes)
        append(sequence, to: &bytes)
        append(UInt32(0), to: &bytes)
        bytes.append(contentsOf: [command, 1, 0, 0])
        append(UInt16(attributeBytes), to: &bytes)
        append(attribute, to: &bytes)
        bytes.append(contentsOf: payload)
        bytes.append(contentsOf: repeatElement(0, count: padding))
    }

    /// Appends the request for a family's number by its name (`CTRL_CMD_GETFAMILY`).
    static func appendResolve(_ name: StaticString, sequence: UInt32, to bytes: inout [UInt8]) {
        let text = UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount)
        append(
            command: 3, of: controlFamily, attribute: 2, payload: Array(text) + [0],
            sequence: sequence, isAcknowledged: false, to: &bytes)
    }

    /// The number of a family in the answer to `appendResolve` (`CTRL_ATTR_FAMILY_ID`).
    static func family(in message: NetlinkMessage) -> UInt16? {
        guard message.type == controlFamily, message.payload.count >= headerBytes else {
            return nil
        }
        let attributes = message.payload.part(headerBytes..<message.payload.count)
        for (type, payload) in NetlinkAttributes(attributes) where type == 1 {
            return payload.integer(at: 0, UInt16.self)
        }
        return nil
    }

    /// Appends a number in the host's byte order.
    static func append(_ value: some FixedWidthInteger, to bytes: inout [UInt8]) {
        withUnsafeBytes(of: value) { bytes.append(contentsOf: $0) }
    }
}
