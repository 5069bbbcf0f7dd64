#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// Page faults of another process as they happen (perf_event_open(2)), and the ring of memory that
// the kernel writes them into. Functions that fail return -1 and leave the reason in errno.

// Constants of linux/perf_event.h, compared with it when this is compiled.
enum {
  CLINUX_FAULTS_RECORD_LOST = 2,
  CLINUX_FAULTS_RECORD_SAMPLE = 9,
};

// Opens the page faults of a thread, and of all that it makes, on one processor; each `period`-th
// is told with its process, thread, time (CLOCK_MONOTONIC) and address. Where faults within the
// kernel may not be seen, they are left out, and `is_user_only` says so.
int clinux_faults_open(pid_t thread, int processor, uint64_t period, bool *is_user_only);

// Maps the ring of an open file, with room for `bytes`, a power of two of pages; NULL on failure.
void *clinux_faults_map(int file, size_t bytes);

// Gives back what clinux_faults_map gave.
void clinux_faults_unmap(void *ring, size_t bytes);

// Has what `file` tells written into the ring of `other`, which is on the same processor.
int clinux_faults_share(int file, int other);

// How many bytes the kernel has written into a ring since it was mapped.
uint64_t clinux_faults_written(const void *ring);

// Copies `count` bytes out of a ring with room for `bytes`, from the byte with number `from` on.
void clinux_faults_copy(const void *ring, size_t bytes, uint64_t from, void *target, size_t count);

// Tells the kernel that all bytes before the one with number `to` have been read.
void clinux_faults_release(void *ring, uint64_t to);
