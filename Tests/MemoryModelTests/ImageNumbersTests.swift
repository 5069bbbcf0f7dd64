import MemoryModel
import Testing

@Suite("Image numbers")
struct ImageNumbersTests {
    private func snapshot(started: [ProcessKey] = [], ended: [ProcessKey] = []) -> HostSnapshot {
        var snapshot = HostSnapshot(takenAtMilliseconds: 1)
        snapshot.started = started.map {
            StartedRun(key: $0, description: RunDescription(program: "p", comm: "p"))
        }
        snapshot.ended = ended.map {
            EndedRun(key: $0, end: RunEnd(bracket: nil, reason: .exited))
        }
        return snapshot
    }

    @Test("the newest image of a process is known until the process ends")
    func newest() {
        let images = (0...2).map { ProcessKey(pid: 7, startTicks: 100, image: $0) }
        var numbers = ImageNumbers()
        let first = numbers.apply(snapshot(started: [images[0]]))
        #expect(!first)
        for step in 1...2 {
            let next = numbers.apply(
                snapshot(started: [images[step]], ended: [images[step - 1]]))
            #expect(next)
            #expect(numbers.image(ofPid: 7, startTicks: 100) == UInt32(step))
        }
        #expect(numbers.image(ofPid: 7, startTicks: 101) == 0)
        #expect(numbers.image(ofPid: 8, startTicks: 100) == 0)
        let last = numbers.apply(snapshot(ended: [images[2]]))
        #expect(!last)
        #expect(numbers == ImageNumbers())
    }

    @Test("what was written is read back, and nothing else is")
    func text() {
        var numbers = ImageNumbers()
        _ = numbers.apply(
            snapshot(started: [
                ProcessKey(pid: 7, startTicks: .max, image: 1),
                ProcessKey(pid: .max, startTicks: 0, image: .max),
            ]))
        #expect(ImageNumbers(text: numbers.text) == numbers)
        #expect(ImageNumbers(text: "") == ImageNumbers())
        for wrong in ["7 100", "7 100 1 1", "0 100 1", "7 100 0", "7 -1 1", "a b c", "7  1"] {
            #expect(ImageNumbers(text: wrong) == nil, "\(wrong)")
        }
    }
}
