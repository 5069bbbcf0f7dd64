import MemoryModel
import Testing

@testable import Report

@Suite("What a page is about")
struct SubjectChoiceTests {
    private let fleet = SampleFleet.usual()

    private func choice(
        _ word: String, _ kind: SubjectQuery.Kind? = nil, programs: [RawText] = [],
        runs: [ReportedRun] = []
    ) -> SubjectChoice {
        var choice = SubjectChoice(SubjectQuery(word, kind: kind), hosts: fleet.hosts)
        choice.programs = Set(programs)
        choice.runs = runs
        return choice
    }

    private func failure(_ choice: SubjectChoice) -> SubjectProblem? {
        #expect(throws: SubjectProblem.self) { try choice.chosen() }
    }

    @Test("a host is found by its id, by its name, and by a pattern that one host matches")
    func hosts() throws {
        for word in ["db-01", "db*"] {
            #expect(try choice(word).chosen() == .host(fleet.hosts[0].id))
        }
        var named = choice("database")
        named.hosts[0].description.name = "database"
        #expect(try named.chosen() == .host(fleet.hosts[0].id))
        let several = try #require(failure(choice("web-*")))
        #expect(several.isAmbiguous)
        #expect(
            several.description
                == "\"web-*\" can be host web-01, host web-02; give one of them in full")
    }

    @Test(
        "a host is found by the beginning of its id, and by its name with that, as tables have it")
    func printed() throws {
        var choice = choice("")
        choice.hosts = []
        var fleet = SampleFleet()
        fleet.addHost("3d12aaaa4f5b4c3d9e8f7a6b5c4d3e2f", name: "vm")
        fleet.addHost("3d12bbbb4f5b4c3d9e8f7a6b5c4d3e2f", name: "vm (x)")
        fleet.addHost("77aa", name: "vm")
        choice.hosts = fleet.hosts
        func chosen(_ word: String) throws -> Subject {
            choice.query.word = word
            return try choice.chosen()
        }
        #expect(try chosen("3d12a") == .host(fleet.hosts[0].id))
        #expect(try chosen("vm (3d12)") == .host(fleet.hosts[0].id))
        #expect(try chosen("vm (77aa)") == .host(fleet.hosts[2].id))
        #expect(try chosen("vm (x) (3d12)") == .host(fleet.hosts[1].id))
        #expect(throws: SubjectProblem.self) { try chosen("3d12") }
        #expect(throws: SubjectProblem.self) { try chosen("3d1") }
        #expect(throws: SubjectProblem.self) { try chosen("db (3d12)") }
        func matching(_ pattern: String) -> [Bool] {
            fleet.hosts.map { Glob(pattern).matches(host: $0.id, name: $0.description.name) }
        }
        #expect(matching("3d12a") == [true, false, false])
        #expect(matching("3d12") == [true, true, false])
        #expect(matching("vm (3d12)") == [true, false, false])
        #expect(matching("vm (77aa)") == [false, false, true])
        #expect(matching("vm (x)") == [false, true, false])
        #expect(matching("3d1") == [false, false, false] && matching("77") == matching("3d1"))
    }

    @Test("what could be a run id but is too short is told how long it has to be")
    func shortRunID() throws {
        let advice = "of a run id at least the first 4 characters are needed"
        #expect(try #require(failure(choice("k0t"))).description.hasSuffix(advice))
        #expect(try #require(failure(choice("k0tx"))).description.contains(advice) == false)
        #expect(try #require(failure(choice("uuu"))).description.contains(advice) == false)
        #expect(try #require(failure(choice("k0t", .host))).description.contains(advice) == false)
    }

    @Test("an exact name goes before patterns and before the beginning of a run id")
    func precedence() throws {
        let run = try #require(fleet.runs.first)
        let word = String(run.key.shortID.prefix(5))
        let program = RawText(word)
        #expect(try choice(word, runs: [run]).chosen() == .run(run.key))
        #expect(try choice(word, programs: [program], runs: [run]).chosen() == .program(program))
        #expect(
            try choice(word, .run, programs: [program], runs: [run]).chosen() == .run(run.key))
        #expect(
            try choice("nginx", programs: ["nginx", "nginx-exporter"]).chosen()
                == .program("nginx"))
        #expect(
            try choice("ngin?", programs: ["nginx", "nginx-exporter"]).chosen()
                == .program("nginx"))
    }

    @Test("a word of several kinds says which, and how to be exact")
    func severalKinds() throws {
        let both = choice("db-01", programs: ["db-01"])
        let problem = try #require(failure(both))
        #expect(problem.isAmbiguous)
        #expect(
            problem.description
                == "\"db-01\" can be host db-01, program db-01; say which with --host or --program")
        #expect(try choice("db-01", .program, programs: ["db-01"]).chosen() == .program("db-01"))
    }

    @Test("what nobody knows is answered with what to do, and names that are like it")
    func unknown() throws {
        #expect(
            failure(choice("train.py", programs: ["python3 train.py"]))?.description
                == "\"train.py\" is no run id, host or program that is known; did you mean python3"
                + " train.py?")
        #expect(
            failure(choice("no\u{1B}[2J", .host))?.description
                == "No host has the id or name \"no\\x1B[2J\"; memcollector hosts shows them all")
        #expect(failure(choice("zzzz", .run))?.isAmbiguous == false)
    }

    @Test("more runs than can be named are counted")
    func manyRuns() throws {
        let text = try #require(failure(choice("0000", .run, runs: fleet.runs))).description
        #expect(text.contains("and \(fleet.runs.count - 5) more; give more of the run id"))
    }

    @Test(
        "a query names one subject and no more",
        arguments: [
            [], [QueryPair("run", "abcd"), QueryPair("host", "x")], [QueryPair("run", "abc")],
            [QueryPair("run", "not a run")], [QueryPair("subject", "")],
            [QueryPair("host", "x"), QueryPair("top", "3")],
            [QueryPair("host", "x"), QueryPair("since", "1h"), QueryPair("until", "2h")],
        ])
    func refused(pairs: [QueryPair]) {
        #expect(throws: QueryError.self) {
            try SubjectQuery(pairs: pairs, nowMilliseconds: SampleFleet.now)
        }
    }

    @Test("a query is read with its kind and its time")
    func query() throws {
        let query = try SubjectQuery(
            pairs: [QueryPair("program", "nginx"), QueryPair("since", "2h")],
            nowMilliseconds: SampleFleet.now)
        #expect(query.kind == .program && query.word == "nginx")
        #expect(query.sinceMilliseconds == SampleFleet.now - 7_200_000)
        let plain = try SubjectQuery(
            pairs: [QueryPair("subject", "x")], nowMilliseconds: SampleFleet.now)
        #expect(plain.kind == nil)
    }
}
