import Testing

@testable import ProcessSampler

@Suite struct ProcessEventTests {
    private func event(_ kind: UInt32, _ words: [Int32], length: UInt16? = nil) -> [UInt8] {
        let number = TaskBytes.number(UInt32(1))
        var body = TaskBytes.number(kind) + TaskBytes.number(UInt32(2))
        body += TaskBytes.number(UInt64(5_000_000_000))
        for word in words { body += TaskBytes.number(word) }
        body += Array(repeating: 0, count: max(40 - body.count, 0))
        return number + number + Array(repeating: 0, count: 8)
            + TaskBytes.number(length ?? UInt16(body.count)) + [0, 0] + body
    }

    @Test("Forks, execs and the answer to a request are understood, others are named so")
    func kinds() {
        func parsed(_ bytes: [UInt8]) -> ProcessEvent? { withBytes(bytes) { ProcessEvent($0) } }
        #expect(
            parsed(event(1, [10, 11, 12, 13]))
                == .fork(
                    parentPid: 11, thread: 12, pid: 13, monotonicNanoseconds: 5_000_000_000))
        #expect(
            parsed(event(2, [10, 11])) == .exec(pid: 11, monotonicNanoseconds: 5_000_000_000))
        #expect(parsed(event(0, [1])) == .acknowledgement(code: 1))
        #expect(parsed(event(0x8000_0000, [1, 1, 0, 0])) == .other)
    }

    @Test("No prefix and no announced length makes an event of bytes that are not there")
    func prefixes() {
        let whole = event(1, [10, 11, 12, 13])
        for count in whole.indices {
            #expect(withBytes(whole.prefix(count)) { ProcessEvent($0) } == nil)
        }
        for length in UInt16(0)..<32 {
            let bytes = event(1, [10, 11, 12, 13], length: length)
            #expect(withBytes(bytes) { ProcessEvent($0) } == nil)
        }
        #expect(withBytes(event(1, [1], length: .max)) { ProcessEvent($0) } == nil)
    }

    @Test("Messages of other users of the connector are none of ours")
    func otherUsers() {
        var bytes = event(2, [10, 11])
        bytes[0] = 4
        #expect(withBytes(bytes) { ProcessEvent($0) } == nil)
    }

    @Test("A request has the length by which the kernel tells the two forms")
    func requests() {
        #expect(ProcessEvent.request(.all).count == 40)
        #expect(ProcessEvent.request(.forkAndExec).count == 44)
        #expect(Array(ProcessEvent.request(.nothing).suffix(4)) == TaskBytes.number(UInt32(2)))
    }
}
