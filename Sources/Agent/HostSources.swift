import Logging
import MemoryModel
import ProcessSampler

/// The ways by which an agent learns of its host beside procfs, as far as each of them works.
final class HostSources {
    private let kernel: KernelEventSource
    private var watched = MemoryWatchOutcome()
    private var sections: SectionListener?
    private let sectionsSocket: String?
    private let names: PythonNamePolicy
    private var sectionsProblem: SectionListenerProblem?

    /// Starts what can be started for `sampler`.
    init(for sampler: Sampler, _ settings: AgentSettings) {
        var options = KernelEventOptions()
        options.receiveBytes = settings.eventBufferBytes
        kernel = KernelEventSource.start(
            root: settings.root, policy: settings.commandLine, options: options)
        sampler.use(kernel)
        sampler.proportional = settings.proportional
        names = settings.python.names
        sectionsSocket = settings.sectionsSocket
        guard let path = sectionsSocket else { return }
        do throws(SectionListenerProblem) {
            sections = try SectionListener(path: path)
        } catch {
            sectionsProblem = error
        }
    }

    /// What programs told of their sections since this was last asked, with no more of their names
    /// than may leave the host: nothing holds or writes more.
    func takeSections() -> SectionArrivals {
        sections?.drain().leaving(names) ?? SectionArrivals()
    }

    /// Watches cgroups and kills for want of memory, too.
    func watchMemory(by sampler: Sampler, cgroupRoot: String?, hostMemoryBytes: UInt64) {
        watched = sampler.watchMemory(cgroupRoot: cgroupRoot, hostMemoryBytes: hostMemoryBytes)
    }

    /// Stops listening.
    func stop() {
        kernel.stop()
        sections?.stop()
        sections = nil
    }

    /// What cannot be seen for lack of them.
    var restrictions: ViewRestrictions {
        kernel.exitRecordProblem == nil ? [] : .withoutExitRecords
    }

    /// Those that work.
    var working: AgentSources {
        var sources: AgentSources = []
        if kernel.exitRecordProblem == nil { sources.insert(.exitRecords) }
        if kernel.processEventProblem == nil { sources.insert(.processEvents) }
        if kernel.markProblem == nil { sources.insert(.batchedMarks) }
        if watched.logProblem == nil { sources.insert(.kernelLog) }
        if watched.cgroupVersion == 1 { sources.insert(.cgroupVersion1) }
        if watched.cgroupVersion == 2 { sources.insert(.cgroupVersion2) }
        return sources
    }

    /// Says once what is missed because of those that do not, and what to grant.
    func warn(_ logger: Logger) {
        if let problem = kernel.exitRecordProblem {
            logger.warning(
                """
                processes that live shorter than the interval are not seen, and others' peaks are \
                read up to an interval before their end
                """, metadata: ["reason": "\(problem)"])
        } else if let problem = kernel.processEventProblem {
            logger.warning(
                "programs are named by what they are when looked at, not when they are executed",
                metadata: ["reason": "\(problem)"])
        }
        if let problem = watched.cgroupProblem {
            logger.warning("cgroups are not read", metadata: ["reason": "\(problem)"])
        }
        if let problem = watched.logProblem {
            logger.warning("the kernel's log is not read", metadata: ["reason": "\(problem)"])
        }
        if let problem = sectionsProblem {
            logger.notice(
                "no program can tell of its sections",
                metadata: ["socket": "\(sectionsSocket ?? "")", "reason": "\(problem)"])
        }
    }
}
