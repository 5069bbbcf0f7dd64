import MemoryModel
import Testing

@testable import Report

@Suite("Host ids that two machines claim")
struct ClaimedTwiceTests {
    private func host(_ id: String, claimed: Bool) throws -> ReportedHost {
        var host = ReportedHost(
            id: try #require(HostID(id)),
            description: HostDescription(
                name: RawText(id), kernelRelease: "6.18", memoryTotalBytes: 1 << 30,
                swapTotalBytes: 0, processorCount: 2, ticksPerSecond: 100,
                wallMinusBootMilliseconds: 0, intervalMilliseconds: 1_000, restrictions: [],
                labels: []),
            agentVersion: "1", state: .up, lastHeardAtMilliseconds: 0)
        if claimed {
            host.claimants = HostClaimants(present: "10.0.0.1:4000", refused: "10.0.0.2:5000")
        }
        return host
    }

    @Test("every view says which machines they are and what to do, and counts those beyond a few")
    func said() throws {
        let hosts = try (0..<5).map { try host("h\($0)", claimed: $0 > 0) }
        let coverage = Coverage(hosts: hosts)
        let facts = coverage.facts(ascii: true).joined(separator: "; ")
        for word in [
            "host id h1", "10.0.0.1:4000 and 10.0.0.2:5000", "--host-id", "1 more host id is",
        ] {
            #expect(facts.contains(word), "\(facts)")
        }
        #expect(!facts.contains("host id h0") && !facts.contains("host id h4"))
        #expect(coverage.claimedTwiceHostCount == 4)
    }

    @Test("where each machine has its own, nothing is said")
    func unsaid() throws {
        let coverage = Coverage(hosts: [try host("h0", claimed: false)])
        #expect(!coverage.facts(ascii: true).joined().contains("claim"))
    }
}
