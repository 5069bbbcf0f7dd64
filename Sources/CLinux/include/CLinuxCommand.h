#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// Starting another program and waiting for it and its descendants.
// Functions that fail return -1 and leave the reason in errno.

// Keeps how this program was started - what it does at signals, which it blocks, how many files it
// may open - and from then on blocks the signals that clinux_command_wait tells of, in all threads
// that are made later. To be called before there are any.
void clinux_command_prepare(void);

// Takes over orphaned descendants (PR_SET_CHILD_SUBREAPER).
int clinux_command_adopt_orphans(void);

// How far starting a program came.
enum clinux_command_step {
  CLINUX_COMMAND_RUNS = 0,
  CLINUX_COMMAND_FORK = 1,
  CLINUX_COMMAND_CGROUP = 2,
  CLINUX_COMMAND_EXECUTE = 3,
};

struct clinux_command_start {
  pid_t pid;
  // Which step failed, and why (errno); CLINUX_COMMAND_RUNS if none.
  int step;
  int reason;
  // The largest size that the copy of this program had in which the command was executed: no
  // ru_maxrss of it is below this.
  uint64_t floor_bytes;
};

// Starts a program (execvp(3)) with everything as this program was started with: files, group,
// terminal, signals, limits. cgroup_file is an open cgroup.procs to enter first, or -1. A child
// that could not execute it is reaped already.
void clinux_command_run(
    char *const *arguments, int cgroup_file, struct clinux_command_start *start);

// The next signal that came or comes within so many milliseconds; 0 if none did.
int clinux_command_wait(int64_t milliseconds);

// A child, of this program or taken over, that has ended and is not reaped yet; 0 if there is none
// now, -1 with ECHILD if there are no children any more.
pid_t clinux_command_ended_child(void);

struct clinux_command_usage {
  // The exit status; meaningful if signal is 0.
  int code;
  // The signal that ended it, or 0.
  int signal;
  bool dumped_core;
  // Of the process and of all that it waited for (RUSAGE_BOTH): the largest that any was.
  uint64_t largest_bytes;
  uint64_t user_microseconds;
  uint64_t system_microseconds;
  uint64_t minor_faults;
  uint64_t major_faults;
};

// Reaps a child that has ended (wait4(2)).
int clinux_command_reap(pid_t pid, struct clinux_command_usage *usage);

// The signal that stopped a child since the last call; 0 if none did.
int clinux_command_stopped(pid_t pid);

// Whether this program's group is the one in the foreground of its terminal.
bool clinux_command_is_foreground(void);

// Stops this program as SIGSTOP does, until SIGCONT.
void clinux_command_stop_self(void);

// Ends this program by the signal, without a core of its own; by exit status 128 + signal where
// the signal does not end it.
_Noreturn void clinux_command_end_by(int signal);
