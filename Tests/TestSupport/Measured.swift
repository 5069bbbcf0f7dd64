/// Measures until what came of it is as wanted, at most `attempts` times, and gives the last.
///
/// For what is found by looking now and then at a program that goes on meanwhile: where a busy host
/// lets nobody look for a while, one measurement says little. What is wrong stays wrong each time.
public func measured<Value>(
    attempts: Int = 5, isolation: isolated (any Actor)? = #isolation,
    until isWanted: (Value) async throws -> Bool, _ measure: () async throws -> Value
) async throws -> Value {
    for _ in 1..<max(1, attempts) {
        let value = try await measure()
        if try await isWanted(value) { return value }
    }
    return try await measure()
}
