import MemoryModel
import PeakStore
import Report

/// The largest runs of the fleet that match a query.
struct LargestLiveRuns {
    /// The largest, whole, in the order of their peaks.
    var runs: [ReportedRun] = []
    /// How many match, those of inherited peaks left out if the query leaves them out.
    var matchedCount = 0
    /// How many were left out for that.
    var inheritedCount = 0

    /// What a run that is not among `runs` can have at most, in bytes.
    var boundBytes: UInt64 {
        matchedCount > runs.count ? runs.last?.record.peak?.bytes ?? 0 : 0
    }
}

// The runs that live, host by host, so that sessions and commits wait for no longer than one host
// takes.
extension Views {
    /// All of them.
    func liveRuns() -> [ReportedRun] {
        let hosts = fleet.read { Array($0.hosts.keys) }
        return hosts.flatMap { host in
            fleet.read { $0.hosts[host]?.reportedRuns ?? [] }
        }
    }

    /// The largest that match; a run is hundreds of bytes, and only so many are copied.
    func largestLiveRuns(matching query: ReportQuery, limit: Int) -> LargestLiveRuns {
        let hosts = fleet.read { Array($0.hosts.keys) }
        var result = LargestLiveRuns()
        var found: [(bytes: UInt64, host: Int, key: ProcessKey)] = []
        for (index, host) in hosts.enumerated() {
            let part = fleet.read { $0.hosts[host]?.matches(of: query) ?? HostMatches() }
            result.inheritedCount += part.inheritedCount
            found += part.runs.map { (bytes: $0.bytes, host: index, key: $0.key) }
        }
        result.matchedCount = found.count
        if found.count > limit { found.sort { $0.bytes > $1.bytes } }
        let chosen = found.prefix(limit)
        let boots = Dictionary(grouping: chosen) { $0.host }
        for (index, runs) in boots {
            let host = hosts[index]
            result.runs += fleet.read { fleet in
                runs.compactMap { fleet.hosts[host]?.reportedRun($0.key) }
            }
        }
        result.runs.sort { ($0.record.peak?.bytes ?? 0) > ($1.record.peak?.bytes ?? 0) }
        return result
    }

    /// Those of `keys` that live, or ended a moment ago.
    func liveRuns(of keys: [RunKey]) -> [ReportedRun] {
        Dictionary(grouping: keys, by: \.host).flatMap { host, keys -> [ReportedRun] in
            fleet.read { fleet -> [ReportedRun] in
                guard let host = fleet.hosts[host] else { return [] }
                return keys.compactMap {
                    $0.boot == host.boot ? host.reportedRun($0.process) : nil
                }
            }
        }
    }
}

/// The runs of one host that match a query, by their peaks.
struct HostMatches {
    var runs: [(bytes: UInt64, key: ProcessKey)] = []
    var inheritedCount = 0
}

extension HostRecord {
    /// Its runs that match.
    func matches(of query: ReportQuery) -> HostMatches {
        var found = HostMatches()
        guard let description,
            query.matches(host: id, name: description.name, labels: description.labels)
        else { return found }
        for record in ledger.runs.values where query.matches(record) {
            if !query.includesInherited, record.isPeakInherited {
                found.inheritedCount += 1
            } else {
                found.runs.append((bytes: record.peak?.bytes ?? 0, key: record.key))
            }
        }
        return found
    }

    /// One of its runs as views take it in; nil if it is not known.
    func reportedRun(_ key: ProcessKey) -> ReportedRun? {
        guard let description, let record = ledger[key] else { return nil }
        return ReportedRun(
            host: id, hostName: description.name, labels: description.labels, boot: boot,
            record: record)
    }
}

/// Where the runs of the fleet are in a list, asked for each of a million runs of the store.
///
/// Most of those are not there, which a few bits of their pid tell without a hash of the key.
struct LivePlaces {
    private struct Place: Hashable {
        var boot: Int
        var key: ProcessKey
    }

    private var indices: [Place: Int] = [:]
    /// For each boot, whether some run of it has a pid with these lowest bits.
    private var pids: [[UInt64]] = []

    /// Notes that a run is at `index`.
    mutating func insert(_ key: ProcessKey, ofBoot boot: Int, at index: Int) {
        while pids.count <= boot { pids.append([]) }
        if pids[boot].isEmpty { pids[boot] = Array(repeating: 0, count: LivePlaces.wordCount) }
        let (word, bit) = LivePlaces.place(of: key)
        pids[boot][word] |= bit
        indices[Place(boot: boot, key: key)] = index
    }

    /// Where a run is; nil if it is not there.
    func index(of key: ProcessKey, ofBoot boot: Int) -> Int? {
        guard boot < pids.count, !pids[boot].isEmpty else { return nil }
        let (word, bit) = LivePlaces.place(of: key)
        guard pids[boot][word] & bit != 0 else { return nil }
        return indices[Place(boot: boot, key: key)]
    }

    private static let wordCount = 64

    private static func place(of key: ProcessKey) -> (word: Int, bit: UInt64) {
        let low = Int(UInt32(bitPattern: key.pid) % UInt32(wordCount * UInt64.bitWidth))
        return (low / UInt64.bitWidth, 1 << UInt64(low % UInt64.bitWidth))
    }
}
