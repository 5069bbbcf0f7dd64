import MemoryModel

/// Whether a HELLO is accepted, in the order of `Protocol/frame-v1.md` section 7.1.
///
/// The lengths of its fields are the decoder's to check.
enum HelloJudgement {
    /// Who the agent is and the version that both sides will speak; throws what ERROR is to say.
    static func accept(
        _ hello: HelloFrame, majors: ClosedRange<UInt8>, features: UInt64
    ) throws(WireError) -> (SessionIdentity, major: UInt8) {
        guard hello.lowestMajor <= hello.highestMajor else {
            throw WireError(
                code: .badPayload, reason: "highestMajor is below lowestMajor")
        }
        guard majors.overlaps(hello.lowestMajor...hello.highestMajor) else {
            throw WireError(
                code: .versionUnsupported,
                reason: "supported versions: \(majors.lowerBound) to \(majors.upperBound)")
        }
        let unknown = hello.requiredFeatures & ~features
        guard unknown == 0 else {
            throw WireError(
                code: .featureRequired,
                reason: "unknown features: 0x\(String(unknown, radix: 16))")
        }
        guard let hostID = HostID(hello.hostID) else {
            throw WireError(
                code: .badIdentity,
                reason: "a host id is 1 to 64 of A-Z a-z 0-9 . _ -, not beginning with a dot")
        }
        let identity = SessionIdentity(
            hostID: hostID, boot: hello.boot, epoch: hello.epoch, hostName: hello.hostName,
            agentVersion: hello.agentVersion, isPast: hello.isPast,
            isCommand: hello.isCommand)
        return (identity, major: min(majors.upperBound, hello.highestMajor))
    }
}
