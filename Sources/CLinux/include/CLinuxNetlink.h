#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// Netlink sockets, waiting and small threads, for the sources that the kernel feeds by itself.
// Functions that fail return -1 and leave the reason in errno.

// Constants of the kernel's headers, compared with them when this is compiled.
enum {
  CLINUX_NETLINK_CONNECTOR = 11,
  CLINUX_NETLINK_GENERIC = 16,
};

// Offsets in struct taskstats (linux/taskstats.h), compared with the header where it has them.
enum {
  CLINUX_TASKSTATS_VERSION = 0,
  CLINUX_TASKSTATS_EXITCODE = 4,
  CLINUX_TASKSTATS_FLAG = 8,
  CLINUX_TASKSTATS_COMM = 80,
  CLINUX_TASKSTATS_UID = 120,
  CLINUX_TASKSTATS_PID = 128,
  CLINUX_TASKSTATS_PPID = 132,
  CLINUX_TASKSTATS_BTIME = 136,
  CLINUX_TASKSTATS_ETIME = 144,
  CLINUX_TASKSTATS_UTIME = 152,
  CLINUX_TASKSTATS_STIME = 160,
  CLINUX_TASKSTATS_MINFLT = 168,
  CLINUX_TASKSTATS_MAJFLT = 176,
  CLINUX_TASKSTATS_HIWATER_RSS = 200,
  CLINUX_TASKSTATS_BTIME64 = 344,
  CLINUX_TASKSTATS_TGID = 368,
  CLINUX_TASKSTATS_TGETIME = 376,
  CLINUX_TASKSTATS_EXE_DEV = 384,
  CLINUX_TASKSTATS_EXE_INODE = 392,
};

// The most messages that one call of clinux_netlink_receive takes.
enum { CLINUX_NETLINK_SLOTS = 64 };

// Opens a netlink socket that never blocks, is a member of the groups (a bit mask) and has at
// least so large a receive buffer as it is permitted to have.
int clinux_netlink_open(int protocol, uint32_t groups, int receive_bytes);

// Sends bytes to the kernel; 0 if all went.
int clinux_netlink_send(int file, const void *bytes, size_t count);

// recvmmsg(2): message i goes to buffer + i * slot_bytes, its length to lengths[i]. A message
// that did not fit, or that is not the kernel's, has length 0. Returns how many there were; -1
// with EAGAIN if none waits.
int clinux_netlink_receive(
    int file, void *buffer, size_t slot_bytes, unsigned slots, uint32_t *lengths);

// A flag to wait for: eventfd(2).
int clinux_event_open(void);

// Raises the flag.
void clinux_event_signal(int file);

// epoll(7): a set of files to wait for.
int clinux_poll_open(void);

// Adds a file to the set under a token.
int clinux_poll_add(int set, int file, uint32_t token);

// Waits until a file of the set is readable or has an error, at most so many milliseconds
// (-1: without end); fills in tokens and returns their number. A signal counts as no file.
int clinux_poll_wait(int set, uint32_t *tokens, int capacity, int milliseconds);

// Starts a thread pinned to a processor (-1: to none) that does nothing, and waits for its end.
int clinux_run_empty_thread(int processor);
