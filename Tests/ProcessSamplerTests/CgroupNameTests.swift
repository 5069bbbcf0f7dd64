import MemoryModel
import ProcessSampler
import Testing

@Suite struct CgroupNameTests {
    static let id = String(repeating: "0123456789abcdef", count: 4)
    static let uid = "0f7a5c0e-9a11-4a6e-9d59-5c3a0b8e1f30"
    static let unitUID = "0f7a5c0e_9a11_4a6e_9d59_5c3a0b8e1f30"

    @Test(
        "Units and containers of the common runtimes are told from their paths",
        arguments: [
            ("/system.slice/ssh.service", "ssh.service", nil),
            ("/user.slice/user-1000.slice/session-3.scope", "session-3.scope", nil),
            (
                "/user.slice/user-1000.slice/user@1000.service/app.slice/app-x.scope",
                "app-x.scope", nil
            ),
            ("/system.slice/postgres.service/worker", "postgres.service", nil),
            ("/user.slice", "user.slice", nil),
            ("/init.scope", "init.scope", nil),
            ("/system.slice/docker-\(id).scope", "docker-\(id).scope", id),
            ("/docker/\(id)", nil, id),
            ("/docker/\(id)/init.scope", "init.scope", id),
            ("/machine.slice/libpod-\(id).scope/container", "libpod-\(id).scope", id),
            ("/machine.slice/libpod-conmon-\(id).scope", "libpod-conmon-\(id).scope", nil),
            ("/machine.slice/machine-web.scope", "machine-web.scope", "web"),
            ("/lxc.payload.box/system.slice/cron.service", "cron.service", "box"),
            ("/lxc/box", nil, "box"),
            ("/kubepods/burstable/pod\(uid)/\(id)", nil, id),
            ("/kubepods/burstable/pod\(uid)", nil, "pod\(uid)"),
            (
                "/kubepods.slice/kubepods-pod\(unitUID)"
                    + ".slice/cri-containerd-\(id).scope", "cri-containerd-\(id).scope", id
            ),
            (
                "/kubepods.slice/kubepods-pod\(unitUID)"
                    + ".slice",
                "kubepods-pod\(unitUID).slice",
                "pod\(uid)"
            ),
            ("/kubepods.slice/x.slice/crio-\(id).scope", "crio-\(id).scope", id),
            (
                "/system.slice/containerd.service/kubepods-x.slice:cri-containerd:\(id)",
                "containerd.service", id
            ),
            ("/system.slice/run-data.mount", "run-data.mount", nil),
            ("/system.slice/cups.socket", "cups.socket", nil),
            (
                "/user.slice/user-1000.slice/user@1000.service/user.slice/docker-\(id).scope",
                "docker-\(id).scope", id
            ),
            (
                "/user.slice/user-1000.slice/user@1000.service/user.slice/"
                    + "libpod-\(id).scope/container", "libpod-\(id).scope", id
            ),
            (
                "/user.slice/user-1000.slice/user@1000.service/app.slice/web.service/"
                    + "libpod-payload-\(id)", "web.service", id
            ),
            (
                "/machine.slice/machine-libpod_pod_\(id).slice/libpod-\(id).scope",
                "libpod-\(id).scope", id
            ),
            ("/libpod_parent/libpod-\(id)", nil, id),
            ("/default/\(id)", nil, id),
            ("/system.slice/nerdctl-\(id).scope", "nerdctl-\(id).scope", id),
            ("/kubepods.slice/x.slice/crio-\(id).scope/container", "crio-\(id).scope", id),
            ("/kubepods/besteffort/pod\(uid)/crio-\(id)", nil, id),
            ("/kubepods.slice/x.slice/crio-conmon-\(id).scope", "crio-conmon-\(id).scope", nil),
            (
                "/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-besteffort.slice/"
                    + "kubelet-kubepods-besteffort-pod\(unitUID)"
                    + ".slice",
                "kubelet-kubepods-besteffort-pod\(unitUID)"
                    + ".slice", "pod\(uid)"
            ),
            (
                "/kubepods/burstable/pod\(id.prefix(32))", nil, "pod\(id.prefix(32))"
            ),
            ("/lxc.payload/box/init.scope", "init.scope", "box"),
            ("/slurm_node7/uid_1000/job_5/step_batch/task_0", nil, "slurm-job-5"),
            (
                "/system.slice/node7_slurmstepd.scope/job_9/step_extern/user/task_special",
                "node7_slurmstepd.scope", "slurm-job-9"
            ),
            ("/slurm/uid_1000/job_123/step_0/task_0", nil, "slurm-job-123"),
            (
                "/system.slice/slurmstepd.scope/job_9/step_batch/user/task_0",
                "slurmstepd.scope", "slurm-job-9"
            ),
            ("/", nil, nil), ("", nil, nil), ("///", nil, nil), ("/.service/.scope", nil, nil),
            ("/../../other", nil, nil), ("/podcast/job_x", nil, nil),
        ] as [(String, String?, String?)])
    func names(path: String, unit: String?, container: String?) {
        let name = CgroupName(path: RawText(path))
        #expect(name.unit == unit.map { RawText($0) })
        #expect(name.container == container.map { RawText($0) })
    }
}
