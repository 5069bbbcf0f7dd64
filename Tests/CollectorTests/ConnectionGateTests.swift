import Testing

@testable import Collector

@Suite("The connection gate")
struct ConnectionGateTests {
    @Test("takes as many connections as it may and counts those that it turned away")
    func all() {
        var gate = ConnectionGate(
            maximumConnections: 2, maximumWaiting: 2, maximumWaitingPerSource: 2)
        let first = [gate.open(from: "a"), gate.open(from: "a"), gate.open(from: "a")]
        #expect(first == [true, true, false])
        #expect(gate.refusedCount == 1)
        #expect(gate.connectionCount == 2)
        gate.close(from: "a", wasIdentified: false)
        let again = gate.open(from: "a")
        #expect(again)
    }

    @Test("those that have not said who they are have a limit of their own")
    func waiting() {
        var gate = ConnectionGate(
            maximumConnections: 100, maximumWaiting: 1, maximumWaitingPerSource: 1)
        let first = [gate.open(from: "a"), gate.open(from: "a")]
        #expect(first == [true, false])
        gate.identified(from: "a")
        #expect(gate.waitingCount == 0)
        let second = gate.open(from: "a")
        #expect(second)
        gate.close(from: "a", wasIdentified: true)
        #expect(gate.connectionCount == 1)
        #expect(gate.waitingCount == 1)
        gate.close(from: "a", wasIdentified: false)
        #expect(gate.connectionCount == 0)
        #expect(gate.waitingCount == 0)
    }

    @Test("one address cannot take the places of all others")
    func sources() {
        var gate = ConnectionGate(
            maximumConnections: 100, maximumWaiting: 10, maximumWaitingPerSource: 2)
        let first = (0..<5).map { _ in gate.open(from: "a") }
        #expect(first == [true, true, false, false, false])
        let other = gate.open(from: "b")
        #expect(other)
        gate.identified(from: "a")
        let second = [gate.open(from: "a"), gate.open(from: "a")]
        #expect(second == [true, false])
    }

    @Test("refusals are worth a log line each time their number has doubled")
    func refusals() {
        var gate = ConnectionGate(
            maximumConnections: 0, maximumWaiting: 0, maximumWaitingPerSource: 0)
        let notable = (1...9).filter { _ in
            _ = gate.open(from: "a")
            return gate.isRefusalNotable
        }
        #expect(notable == [1, 2, 4, 8])
    }
}
