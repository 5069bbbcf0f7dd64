#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <malloc.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

int clinux_open(int directory, const char *path) {
  return openat(directory, path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
}

int clinux_open_directory(int directory, const char *path) {
  return openat(directory, path, O_RDONLY | O_CLOEXEC | O_DIRECTORY);
}

int clinux_open_unlinked(int directory, const char *name, bool is_directory) {
  int kind = is_directory ? O_DIRECTORY : O_NOCTTY | O_NONBLOCK;
  return openat(directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | kind);
}

int clinux_working_directory(void) { return AT_FDCWD; }

ssize_t clinux_read_directory(int directory, void *buffer, size_t capacity) {
  return syscall(SYS_getdents64, directory, buffer, capacity);
}

bool clinux_is_procfs(int file) {
  struct statfs system;
  return fstatfs(file, &system) == 0 && system.f_type == PROC_SUPER_MAGIC;
}

int clinux_device(int file, uint32_t *major_number, uint32_t *minor_number) {
  struct stat facts;
  if (fstat(file, &facts) != 0) return -1;
  *major_number = major(facts.st_dev);
  *minor_number = minor(facts.st_dev);
  return 0;
}

int clinux_inode(int file, uint64_t *inode) {
  struct stat facts;
  if (fstat(file, &facts) != 0) return -1;
  *inode = facts.st_ino;
  return 0;
}

bool clinux_is_ordinary_file(int directory, const char *name) {
  struct stat facts;
  return fstatat(directory, name, &facts, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) == 0 &&
         S_ISREG(facts.st_mode);
}

uint64_t clinux_raise_open_file_limit(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  if (limit.rlim_cur < limit.rlim_max) {
    struct rlimit raised = {.rlim_cur = limit.rlim_max, .rlim_max = limit.rlim_max};
    if (setrlimit(RLIMIT_NOFILE, &raised) == 0) return raised.rlim_cur;
  }
  return limit.rlim_cur;
}

static int release_code(struct dl_phdr_info *object, size_t size, void *unused) {
  (void)size;
  (void)unused;
  uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
  for (int i = 0; i < object->dlpi_phnum; i++) {
    const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
    // Never a writable segment, nor one with relocations: what was written there would be lost.
    if (segment->p_type != PT_LOAD || segment->p_flags != (PF_R | PF_X)) continue;
    uintptr_t begin = object->dlpi_addr + segment->p_vaddr;
    uintptr_t end = (begin + segment->p_memsz) / page * page;
    begin = (begin + page - 1) / page * page;
    // The vDSO is no file and refuses, which does no harm.
    if (begin < end) madvise((void *)begin, end - begin, MADV_DONTNEED);
  }
  return 0;
}

void clinux_release_code(void) { dl_iterate_phdr(release_code, NULL); }

void clinux_release_free_memory(void) { malloc_trim(0); }

void clinux_use_one_heap(void) { mallopt(M_ARENA_MAX, 1); }

static int64_t nanoseconds(clockid_t clock) {
  struct timespec now;
  if (clock_gettime(clock, &now) != 0) return 0;
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t clinux_boot_nanoseconds(void) { return nanoseconds(CLOCK_BOOTTIME); }

int64_t clinux_monotonic_nanoseconds(void) { return nanoseconds(CLOCK_MONOTONIC); }

int64_t clinux_thread_nanoseconds(void) { return nanoseconds(CLOCK_THREAD_CPUTIME_ID); }

int64_t clinux_wall_nanoseconds(void) { return nanoseconds(CLOCK_REALTIME); }

int clinux_terminal_columns(int file) {
  struct winsize size;
  if (ioctl(file, TIOCGWINSZ, &size) != 0) return 0;
  return size.ws_col;
}

int64_t clinux_utc_offset_seconds(void) {
  time_t now = time(NULL);
  struct tm parts;
  if (localtime_r(&now, &parts) == NULL) return 0;
  return parts.tm_gmtoff;
}
