extension Dictionary {
    /// Moves to smaller storage where what is left needs far less than there is.
    ///
    /// A dictionary keeps the storage of its largest time. Moving costs as much as was removed
    /// since, or less.
    package mutating func giveBackMemory() {
        guard capacity > 1_024, count < capacity / 4 else { return }
        var smaller = Dictionary(minimumCapacity: count * 2)
        for (key, value) in self { smaller[key] = value }
        self = smaller
    }
}

extension TimeBracket {
    /// Whether it has a moment in common with one of `stretches`.
    package func overlaps(anyOf stretches: [TimeBracket]) -> Bool {
        stretches.contains {
            $0.notBeforeMilliseconds <= notAfterMilliseconds
                && notBeforeMilliseconds <= $0.notAfterMilliseconds
        }
    }
}
