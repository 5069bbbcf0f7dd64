import MemoryModel
import PeakStore
import SQLiteStore
import Synchronization

/// Removes a host that is gone for good, when somebody asks for it.
struct ForgetDesk: Sendable {
    let store: SQLiteStore

    /// Says what would go.
    func preview(_ host: HostID, called name: String) throws -> String {
        let contents = try store.contents(of: host) ?? HostContents()
        return """
            This removes host \(name) with all that is known of it:
            \(ForgetDesk.words(contents)).

            """
    }

    /// Removes it, which `fleet` has forgotten, and says what went; has to run on the thread that
    /// writes.
    func forget(_ host: HostID, called name: String, in fleet: Fleet) throws -> String {
        do {
            let contents = try store.forget(host) ?? HostContents()
            return """
                Forgot host \(name):
                \(ForgetDesk.words(contents)).

                """
        } catch {
            // It can be asked for again only as long as it is known.
            if let stored = try store.hosts().first(where: { $0.id == host }) {
                let standing = try store.tombstones().filter { $0.request.host == host }
                fleet.remember(stored, openRuns: try store.openRuns(of: host), standing)
            }
            throw error
        }
    }

    private static func words(_ contents: HostContents) -> String {
        [
            (contents.runs, "run", "runs"), (contents.folds, "fold", "folds"),
            (contents.totals, "hourly sum", "hourly sums"),
            (contents.hours, "hour of minutes", "hours of minutes"),
            (contents.facts, "kill, gap, cgroup or section", "kills, gaps, cgroups and sections"),
        ].map { "\($0.0) \($0.0 == 1 ? $0.1 : $0.2)" }.joined(separator: ", ")
    }
}

extension Fleet {
    /// Whether a session tells of a host, or one of a command on it does.
    func isToldOf(_ host: HostID) -> Bool {
        guarded.withLock { $0.fleet.isToldOf(host) }
    }

    /// Forgets a host, also what was purged of it; false if somebody tells of it.
    ///
    /// An agent that comes from then on makes a new host of it.
    func forgetUnlessToldOf(_ host: HostID) -> Bool {
        guarded.withLock { $0.fleet.forgetUnlessToldOf(host) }
    }

    /// Takes a host in again as the store has it, unless it came back by itself.
    func remember(_ host: StoredHost, openRuns: [StoredRun], _ standing: [Tombstone]) {
        guarded.withLock { $0.fleet.remember(host, openRuns: openRuns, standing) }
    }
}
