import GRDB
public import MemoryModel

// Removing everything of a host, in steps, each a short transaction.

extension SQLiteStore {
    /// How many hours of sums one step removes.
    private static let forgetStepHours = 500

    /// How much there is of a host; nil if it is not known.
    public func contents(of host: HostID) throws -> HostContents? {
        try read { database in
            let steps = ForgettingSteps(database)
            return try steps.number(of: host).map { try steps.contents(of: $0) }
        }
    }

    /// Removes everything of a host, and the host; nil if it is not known.
    public func forget(_ host: HostID) throws -> HostContents? {
        try finishPurges()
        let found: (number: Int64, contents: HostContents, sums: [ForgettingSteps.Hour])? =
            try read { database in
                let steps = ForgettingSteps(database)
                guard let number = try steps.number(of: host) else { return nil }
                return (
                    number, try steps.contents(of: number), try steps.hoursOfSums(of: number)
                )
            }
        guard let found else { return nil }
        let step = SQLiteStore.forgetStepHours
        for start in stride(from: 0, to: found.sums.count, by: step) {
            let hours = found.sums[start..<min(start + step, found.sums.count)]
            try write { database, _ in
                try ForgettingSteps(database).removeSums(of: found.number, in: hours)
            }
        }
        for rows in ForgettingSteps.all {
            while try write({ database, caches in
                caches.tombstones = nil
                return try ForgettingSteps(database).remove(rows, of: found.number)
            }) > 0 {}
        }
        try write { database, caches in
            try HostRemoval(database).remove(found.number, host, &caches)
            // It has places of runs that are gone.
            caches.folding = FoldingProgress()
            caches.sweep.isAskedFor = true
        }
        return found.contents
    }
}
