import MemoryModel
import Wire

// What is known of Python programs from outside.
extension AgentCore {
    /// Takes in which lines ran while the memory of some runs grew.
    ///
    /// For whoever reads stacks, on the agent's loop: each with all that was seen of the run since
    /// this agent began to, its names cut by the policy already. A run of another boot, or that is
    /// not known, is passed over.
    func tell(pythonGrowth growth: [(run: RunKey, growth: PythonGrowth)]) {
        for (run, growth) in growth where run.boot == hello.boot {
            outbox.tell(growth, of: run.process)
        }
    }
}
