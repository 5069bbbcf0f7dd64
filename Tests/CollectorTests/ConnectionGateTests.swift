import Testing

@testable import Collector

@Suite("The connection gate")
struct ConnectionGateTests {
    @Test("takes as many connections as it may and counts those that it turned away")
    func all() {
        var gate = ConnectionGate(maximumConnections: 2, maximumWaiting: 2)
        let first = [gate.open(), gate.open(), gate.open()]
        #expect(first == [true, true, false])
        #expect(gate.refusedCount == 1)
        #expect(gate.connectionCount == 2)
        gate.close(wasIdentified: false)
        let again = gate.open()
        #expect(again)
    }

    @Test("those that have not said who they are have a limit of their own")
    func waiting() {
        var gate = ConnectionGate(maximumConnections: 100, maximumWaiting: 1)
        let first = [gate.open(), gate.open()]
        #expect(first == [true, false])
        gate.identified()
        #expect(gate.waitingCount == 0)
        let second = gate.open()
        #expect(second)
        gate.close(wasIdentified: true)
        #expect(gate.connectionCount == 1)
        #expect(gate.waitingCount == 1)
        gate.close(wasIdentified: false)
        #expect(gate.connectionCount == 0)
        #expect(gate.waitingCount == 0)
    }
}
