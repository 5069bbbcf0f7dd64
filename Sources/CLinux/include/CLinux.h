#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "CLinuxCommand.h"
#include "CLinuxFaults.h"
#include "CLinuxNetlink.h"
#include "CLinuxSocket.h"

// What Swift cannot reach by itself: variadic functions, bare system calls and macros.
// Functions that fail return -1 and leave the reason in errno, as the calls beneath them do.

// Opens a file for reading, relative to a directory; never waits, even for a FIFO.
int clinux_open(int directory, const char *path);

// Opens a directory for listing, relative to another one (AT_FDCWD: the working directory).
int clinux_open_directory(int directory, const char *path);

// Opens a file for reading, or a directory for what is in it, by a name without a slash; refuses
// a symbolic link (ELOOP, ENOTDIR), and never waits.
int clinux_open_unlinked(int directory, const char *name, bool is_directory);

// The working directory, as the two functions above take it (AT_FDCWD).
int clinux_working_directory(void);

// getdents64(2): fills the buffer with struct linux_dirent64; 0 at the end of the directory.
ssize_t clinux_read_directory(int directory, void *buffer, size_t capacity);

// Whether an open file lies on a procfs, by the file system's magic number (statfs(2)).
bool clinux_is_procfs(int file);

// The device number of the file system that an open file lies on, as "major:minor" numbers.
int clinux_device(int file, uint32_t *major_number, uint32_t *minor_number);

// The inode number of an open file (fstat(2)).
int clinux_inode(int file, uint64_t *inode);

// Whether a name without a slash is an ordinary file of its directory: no link, device or FIFO.
bool clinux_is_ordinary_file(int directory, const char *name);

// Raises the soft RLIMIT_NOFILE to the hard one; returns the limit that holds afterwards.
uint64_t clinux_raise_open_file_limit(void);

// Takes the program's code out of its resident memory (MADV_DONTNEED on executable segments). What
// runs again is mapped again from the page cache; what only ran at the start stays out.
void clinux_release_code(void);

// Gives free memory of the heap back to the kernel (malloc_trim(3)).
void clinux_release_free_memory(void);

// Lets all threads share one heap instead of making one each (mallopt(3), M_ARENA_MAX).
void clinux_use_one_heap(void);

// CLOCK_BOOTTIME in nanoseconds (clock_gettime(2)).
int64_t clinux_boot_nanoseconds(void);

// CLOCK_MONOTONIC in nanoseconds (clock_gettime(2)): boot time without suspend.
int64_t clinux_monotonic_nanoseconds(void);

// Processor time of the calling thread in nanoseconds (CLOCK_THREAD_CPUTIME_ID).
int64_t clinux_thread_nanoseconds(void);

// CLOCK_REALTIME in nanoseconds (clock_gettime(2)).
int64_t clinux_wall_nanoseconds(void);

// Columns of the terminal that an open file is; 0 if it is none or does not say (TIOCGWINSZ).
int clinux_terminal_columns(int file);

// Seconds that local time is east of UTC now (localtime_r(3)).
int64_t clinux_utc_offset_seconds(void);
