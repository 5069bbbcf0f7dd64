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

    /// The value, at most so old, or just being read; a value that `isStale` is read anew.
    func value(
        unless isStale: @Sendable (Value) -> Bool = { _ in false }
    ) async throws -> Value {
        let now = WallClock.monotonicMilliseconds()
        if let latest, now - latest.madeAtMilliseconds < maximumAgeMilliseconds {
            let known = try await latest.value.value
            // Who waited meanwhile may have read it anew already.
            guard isStale(known) else { return known }
            if let newer = self.latest, newer.value != latest.value {
                return try await newer.value.value
            }
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
