import MemoryModel
import Testing

@Suite struct CgroupRecordTests {
    @Test("A peak is at its limit if it is as near as the kernel lets a saturated cgroup come")
    func peakAtLimit() {
        func isAtLimit(_ bytes: UInt64, of limit: UInt64) -> Bool {
            var record = CgroupRecord(key: CgroupKey(path: "/a", inode: 1), version: 1)
            record.peak = CgroupPeak(
                peak: Peak(bytes: bytes, bracket: nil, source: .cgroup), limitBytes: limit,
                anonymousBytes: nil, fileBytes: nil)
            return record.isPeakAtLimit
        }
        let (small, large): (UInt64, UInt64) = (32 << 20, 64 << 30)
        #expect(isAtLimit(small, of: small))
        // As measured.
        #expect(isAtLimit(small - 974_848, of: small))
        #expect(!isAtLimit(small - small / 32 - 1, of: small))
        #expect(isAtLimit(large - 2_097_152, of: large))
        #expect(!isAtLimit(large - 2_097_153, of: large))
    }
}
