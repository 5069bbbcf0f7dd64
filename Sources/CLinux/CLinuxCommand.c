#define _GNU_SOURCE
#include "CLinuxCommand.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

// What the command gets back: this program ignores or blocks these for itself.
static struct sigaction at_start_pipe;
static struct sigaction at_start_child;
static sigset_t mask_at_start;
static struct rlimit files_at_start;
static bool is_prepared;

// The descriptors that were open at the start, in ascending order: what the command is to have.
enum { MOST_FILES = 4096 };
static int open_at_start[MOST_FILES];
static size_t open_count;

static int compare_numbers(const void *left, const void *right) {
  return *(const int *)left - *(const int *)right;
}

static void note_open_files(void) {
  DIR *folder = opendir("/dev/fd");
  if (!folder) return;
  for (struct dirent *entry; (entry = readdir(folder)) && open_count < MOST_FILES;) {
    int file = atoi(entry->d_name);
    if (entry->d_name[0] != '.' && file != dirfd(folder)) open_at_start[open_count++] = file;
  }
  closedir(folder);
  qsort(open_at_start, open_count, sizeof *open_at_start, compare_numbers);
}

// Lets the exec close everything that this program opened since, by whichever library.
static void close_own_files_at_exec(void) {
  // Where there were more than are noted, nobody can tell them apart.
  if (open_count == 0 || open_count == MOST_FILES) return;
  unsigned first = 0;
  for (size_t i = 0; i <= open_count; i++) {
    unsigned kept = i < open_count ? (unsigned)open_at_start[i] : UINT_MAX;
    if (kept > first) {
      unsigned last = kept - 1;
      // close_range(2) with CLOSE_RANGE_CLOEXEC is there since Linux 5.11.
      if (syscall(SYS_close_range, first, last, 1u << 2) != 0) {
        for (unsigned file = first; file <= last && file < MOST_FILES; file++) {
          fcntl((int)file, F_SETFD, FD_CLOEXEC);
        }
      }
    }
    first = kept + 1;
  }
}

static const int awaited[] = {
    SIGCHLD, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGINT, SIGQUIT, SIGTSTP, SIGTTIN, SIGTTOU,
};

static void set_awaited(sigset_t *set) {
  sigemptyset(set);
  for (size_t i = 0; i < sizeof awaited / sizeof *awaited; i++) sigaddset(set, awaited[i]);
}

void clinux_command_prepare(void) {
  if (is_prepared) return;
  is_prepared = true;
  note_open_files();
  sigaction(SIGPIPE, NULL, &at_start_pipe);
  sigaction(SIGCHLD, NULL, &at_start_child);
  getrlimit(RLIMIT_NOFILE, &files_at_start);
  signal(SIGPIPE, SIG_IGN);
  // Ignored, it would have the kernel reap children by itself.
  signal(SIGCHLD, SIG_DFL);
  sigset_t set;
  set_awaited(&set);
  pthread_sigmask(SIG_BLOCK, &set, &mask_at_start);
}

int clinux_command_adopt_orphans(void) { return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); }

struct message {
  int step;
  int reason;
  uint64_t floor_bytes;
};

static void tell(int file, int step, int reason) {
  struct message message = {.step = step, .reason = reason};
  if (step == CLINUX_COMMAND_RUNS) {
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) == 0) {
      message.floor_bytes = (uint64_t)usage.ru_maxrss * 1024;
    }
  }
  ssize_t written = write(file, &message, sizeof message);
  (void)written;
}

// In the copy of this program, which has one thread and may call only what signal handlers may.
static _Noreturn void become(char *const *arguments, int cgroup_file, int file) {
  if (cgroup_file >= 0 && write(cgroup_file, "0", 1) != 1) {
    tell(file, CLINUX_COMMAND_CGROUP, errno);
    _exit(127);
  }
  close_own_files_at_exec();
  setrlimit(RLIMIT_NOFILE, &files_at_start);
  sigaction(SIGPIPE, &at_start_pipe, NULL);
  sigaction(SIGCHLD, &at_start_child, NULL);
  pthread_sigmask(SIG_SETMASK, &mask_at_start, NULL);
  tell(file, CLINUX_COMMAND_RUNS, 0);
  execvp(arguments[0], arguments);
  tell(file, CLINUX_COMMAND_EXECUTE, errno);
  _exit(127);
}

void clinux_command_run(
    char *const *arguments, int cgroup_file, struct clinux_command_start *start) {
  *start = (struct clinux_command_start){.step = CLINUX_COMMAND_FORK};
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) {
    start->reason = errno;
    return;
  }
  // Not vfork: that would give the command all of this program's size as the floor of its
  // ru_maxrss, and not only what a copy has to have.
  pid_t pid = fork();
  if (pid < 0) {
    start->reason = errno;
    close(ends[0]);
    close(ends[1]);
    return;
  }
  if (pid == 0) become(arguments, cgroup_file, ends[1]);
  close(ends[1]);
  start->pid = pid;
  start->step = CLINUX_COMMAND_RUNS;
  struct message message;
  // The other end closes by the exec.
  for (;;) {
    ssize_t count = read(ends[0], &message, sizeof message);
    if (count < 0 && errno == EINTR) continue;
    if (count != sizeof message) break;
    if (message.step == CLINUX_COMMAND_RUNS) {
      start->floor_bytes = message.floor_bytes;
    } else {
      start->step = message.step;
      start->reason = message.reason;
    }
  }
  close(ends[0]);
  if (start->step != CLINUX_COMMAND_RUNS) {
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
    }
  }
}

int clinux_command_wait(int64_t milliseconds) {
  sigset_t set;
  set_awaited(&set);
  if (milliseconds < 0) milliseconds = 0;
  struct timespec time = {
      .tv_sec = milliseconds / 1000, .tv_nsec = milliseconds % 1000 * 1000000};
  int signal = sigtimedwait(&set, NULL, &time);
  return signal > 0 ? signal : 0;
}

pid_t clinux_command_ended_child(void) {
  siginfo_t info = {.si_pid = 0};
  if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0) return -1;
  return info.si_pid;
}

static uint64_t microseconds(struct timeval time) {
  return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_usec;
}

int clinux_command_reap(pid_t pid, struct clinux_command_usage *usage) {
  int status;
  struct rusage used;
  pid_t reaped;
  do {
    reaped = wait4(pid, &status, 0, &used);
  } while (reaped < 0 && errno == EINTR);
  if (reaped != pid) return -1;
  *usage = (struct clinux_command_usage){
      .code = WIFEXITED(status) ? WEXITSTATUS(status) : 0,
      .signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0,
      .dumped_core = WIFSIGNALED(status) && WCOREDUMP(status),
      .largest_bytes = (uint64_t)used.ru_maxrss * 1024,
      .user_microseconds = microseconds(used.ru_utime),
      .system_microseconds = microseconds(used.ru_stime),
      .minor_faults = (uint64_t)used.ru_minflt,
      .major_faults = (uint64_t)used.ru_majflt,
  };
  return 0;
}

int clinux_command_stopped(pid_t pid) {
  siginfo_t info = {.si_pid = 0};
  if (waitid(P_PID, (id_t)pid, &info, WSTOPPED | WNOHANG) != 0) return 0;
  return info.si_pid == pid && info.si_code == CLD_STOPPED ? info.si_status : 0;
}

bool clinux_command_is_foreground(void) {
  int terminal = open("/dev/tty", O_RDONLY | O_CLOEXEC | O_NOCTTY);
  if (terminal < 0) return false;
  bool is_foreground = tcgetpgrp(terminal) == getpgrp();
  close(terminal);
  return is_foreground;
}

void clinux_command_stop_self(void) { kill(getpid(), SIGSTOP); }

_Noreturn void clinux_command_end_by(int signal_number) {
  struct rlimit none = {.rlim_cur = 0, .rlim_max = 0};
  setrlimit(RLIMIT_CORE, &none);
  // A core that goes into a pipe heeds no limit.
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  signal(signal_number, SIG_DFL);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, signal_number);
  pthread_sigmask(SIG_UNBLOCK, &set, NULL);
  kill(getpid(), signal_number);
  // With other threads about, it may take a moment.
  for (int i = 0; i < 1000; i++) usleep(1000);
  _exit(128 + signal_number);
}
