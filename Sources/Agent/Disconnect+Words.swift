import MemoryModel
import Wire

extension Disconnect {
    /// Why a session ended, for a log line.
    var phrase: String {
        switch cause {
        case .stopped: "the agent stops"
        case .connectionLost: "the connection was lost"
        case .failed(let error): error.reason
        case .collectorError(let code, let text):
            "the collector says: \(String(decoding: text.bytes, as: UTF8.self)) (error \(code))"
        case .collectorLeft: "the collector stops or restarts"
        }
    }

    /// What somebody has to change before it can go on; nil where time alone may help.
    func advice(hostID: RawText) -> String? {
        guard case .collectorError(let number, _) = cause,
            let code = UInt16(exactly: number).flatMap(ErrorCode.init(rawValue:))
        else { return nil }
        let host = String(decoding: hostID.bytes, as: UTF8.self)
        switch code {
        case .replaced:
            return "another agent uses the host id \(host): stop it, or give each its own --host-id"
        case .identityConflict:
            return "another machine uses the host id \(host): give each its own --host-id"
        case .badIdentity: return "give another --host-id"
        case .versionUnsupported, .featureRequired, .unknownType:
            return "bring the agent and the collector to versions that know each other"
        case .notAuthenticated, .notAuthorized:
            return "see to it that the collector accepts this agent"
        default: return nil
        }
    }
}
