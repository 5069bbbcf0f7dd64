#define _GNU_SOURCE
#include "CLinuxFaults.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

_Static_assert(CLINUX_FAULTS_RECORD_LOST == PERF_RECORD_LOST, "linux/perf_event.h");
_Static_assert(CLINUX_FAULTS_RECORD_SAMPLE == PERF_RECORD_SAMPLE, "linux/perf_event.h");

static int open_event(struct perf_event_attr *event, pid_t thread, int processor) {
  return (int)syscall(SYS_perf_event_open, event, thread, processor, -1, PERF_FLAG_FD_CLOEXEC);
}

int clinux_faults_open(pid_t thread, int processor, uint64_t period, bool *is_user_only) {
  struct perf_event_attr event = {
      .type = PERF_TYPE_SOFTWARE,
      .size = sizeof event,
      .config = PERF_COUNT_SW_PAGE_FAULTS,
      .sample_period = period,
      .sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_ADDR,
      .inherit = 1,
      // Children that are processes of their own are none of ours; from Linux 5.13 on.
      .inherit_thread = 1,
      .wakeup_events = 1,
      .use_clockid = 1,
      .clockid = CLOCK_MONOTONIC,
      .exclude_kernel = *is_user_only,
  };
  int file = open_event(&event, thread, processor);
  if (file < 0 && errno == EINVAL) {
    event.inherit_thread = 0;
    file = open_event(&event, thread, processor);
  }
  if (file < 0 && (errno == EACCES || errno == EPERM) && !event.exclude_kernel) {
    event.exclude_kernel = 1;
    file = open_event(&event, thread, processor);
    if (file >= 0) *is_user_only = true;
  }
  return file;
}

void *clinux_faults_map(int file, size_t bytes) {
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  void *ring = mmap(NULL, page + bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  return ring == MAP_FAILED ? NULL : ring;
}

void clinux_faults_unmap(void *ring, size_t bytes) {
  munmap(ring, (size_t)sysconf(_SC_PAGESIZE) + bytes);
}

int clinux_faults_share(int file, int other) {
  return ioctl(file, PERF_EVENT_IOC_SET_OUTPUT, other);
}

uint64_t clinux_faults_written(const void *ring) {
  const struct perf_event_mmap_page *head = ring;
  return __atomic_load_n(&head->data_head, __ATOMIC_ACQUIRE);
}

void clinux_faults_copy(const void *ring, size_t bytes, uint64_t from, void *target, size_t count) {
  const char *data = (const char *)ring + sysconf(_SC_PAGESIZE);
  size_t start = (size_t)(from % bytes);
  size_t first = count < bytes - start ? count : bytes - start;
  memcpy(target, data + start, first);
  memcpy((char *)target + first, data, count - first);
}

void clinux_faults_release(void *ring, uint64_t to) {
  struct perf_event_mmap_page *head = ring;
  __atomic_store_n(&head->data_tail, to, __ATOMIC_RELEASE);
}
