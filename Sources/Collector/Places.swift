import Synchronization

/// Counts those who are served something that goes on for long.
final class Places: Sendable {
    private let taken = Atomic<Int>(0)

    /// A place, taken until its last reference goes; nil if `limit` are taken.
    func take(upTo limit: Int) -> Place? {
        guard taken.wrappingAdd(1, ordering: .relaxed).newValue <= limit else {
            taken.wrappingSubtract(1, ordering: .relaxed)
            return nil
        }
        return Place(places: self)
    }

    final class Place: Sendable {
        private let places: Places

        fileprivate init(places: Places) { self.places = places }

        deinit { places.taken.wrappingSubtract(1, ordering: .relaxed) }
    }
}
