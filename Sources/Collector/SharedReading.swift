/// One reading of the store for all who ask within a moment, so that many who watch cost no more
/// than one.
actor SharedReading<Value: Sendable> {
    private struct Reading {
        var value: Task<Value, any Error>
        var madeAtMilliseconds: Int64
    }

    private let maximumAgeMilliseconds: Int64
    private let make: @Sendable () async throws -> Value
    private var latest: Reading?

    /// Reads by `make`, and gives what was read to whoever asks within the age after.
    init(
        maximumAgeMilliseconds: Int64, _ make: @escaping @Sendable () async throws -> Value
    ) {
        self.maximumAgeMilliseconds = maximumAgeMilliseconds
        self.make = make
    }

    /// The value, at most so old, or just being read.
    func value() async throws -> Value {
        let now = WallClock.monotonicMilliseconds()
        if let latest, now - latest.madeAtMilliseconds < maximumAgeMilliseconds {
            return try await latest.value.value
        }
        let make = make
        let reading = Reading(value: Task { try await make() }, madeAtMilliseconds: now)
        latest = reading
        do {
            return try await reading.value.value
        } catch {
            // A failure is not shared with those who ask later.
            if latest?.value == reading.value { latest = nil }
            throw error
        }
    }
}
