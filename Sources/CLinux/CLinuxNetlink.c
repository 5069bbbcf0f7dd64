#define _GNU_SOURCE
#include "CLinuxNetlink.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/taskstats.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

_Static_assert(NETLINK_CONNECTOR == CLINUX_NETLINK_CONNECTOR, "linux/netlink.h");
_Static_assert(NETLINK_GENERIC == CLINUX_NETLINK_GENERIC, "linux/netlink.h");

// Headers of some kernels put fields into the middle (versions 14 and 15); the parser knows how to
// tell, and the offsets here are those of all the others.
#define STANDARD (offsetof(struct taskstats, ac_comm) == CLINUX_TASKSTATS_COMM)
#define SAME(field, offset) \
  _Static_assert(!STANDARD || offsetof(struct taskstats, field) == (offset), #field)

SAME(version, CLINUX_TASKSTATS_VERSION);
SAME(ac_exitcode, CLINUX_TASKSTATS_EXITCODE);
SAME(ac_flag, CLINUX_TASKSTATS_FLAG);
SAME(ac_uid, CLINUX_TASKSTATS_UID);
SAME(ac_pid, CLINUX_TASKSTATS_PID);
SAME(ac_ppid, CLINUX_TASKSTATS_PPID);
SAME(ac_btime, CLINUX_TASKSTATS_BTIME);
SAME(ac_etime, CLINUX_TASKSTATS_ETIME);
SAME(ac_utime, CLINUX_TASKSTATS_UTIME);
SAME(ac_stime, CLINUX_TASKSTATS_STIME);
SAME(ac_minflt, CLINUX_TASKSTATS_MINFLT);
SAME(ac_majflt, CLINUX_TASKSTATS_MAJFLT);
SAME(hiwater_rss, CLINUX_TASKSTATS_HIWATER_RSS);
#if TASKSTATS_VERSION >= 10
SAME(ac_btime64, CLINUX_TASKSTATS_BTIME64);
#endif
#if TASKSTATS_VERSION >= 12
SAME(ac_tgid, CLINUX_TASKSTATS_TGID);
SAME(ac_tgetime, CLINUX_TASKSTATS_TGETIME);
SAME(ac_exe_dev, CLINUX_TASKSTATS_EXE_DEV);
SAME(ac_exe_inode, CLINUX_TASKSTATS_EXE_INODE);
#endif

int clinux_netlink_open(int protocol, uint32_t groups, int receive_bytes) {
  int file = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
  if (file < 0) return -1;
  if (setsockopt(file, SOL_SOCKET, SO_RCVBUFFORCE, &receive_bytes, sizeof receive_bytes) != 0) {
    (void)setsockopt(file, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof receive_bytes);
  }
  struct sockaddr_nl self = {.nl_family = AF_NETLINK, .nl_groups = groups};
  if (bind(file, (struct sockaddr *)&self, sizeof self) != 0) {
    int reason = errno;
    close(file);
    errno = reason;
    return -1;
  }
  return file;
}

int clinux_netlink_send(int file, const void *bytes, size_t count) {
  struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
  ssize_t sent;
  do {
    sent = sendto(file, bytes, count, MSG_DONTWAIT, (struct sockaddr *)&kernel, sizeof kernel);
  } while (sent < 0 && errno == EINTR);
  return sent < 0 ? -1 : 0;
}

int clinux_netlink_receive(
    int file, void *buffer, size_t slot_bytes, unsigned slots, uint32_t *lengths) {
  struct mmsghdr messages[CLINUX_NETLINK_SLOTS];
  struct iovec parts[CLINUX_NETLINK_SLOTS];
  struct sockaddr_nl senders[CLINUX_NETLINK_SLOTS];
  if (slots > CLINUX_NETLINK_SLOTS) slots = CLINUX_NETLINK_SLOTS;
  for (unsigned index = 0; index < slots; index++) {
    parts[index].iov_base = (char *)buffer + index * slot_bytes;
    parts[index].iov_len = slot_bytes;
    messages[index].msg_hdr = (struct msghdr){
        .msg_name = &senders[index],
        .msg_namelen = sizeof senders[index],
        .msg_iov = &parts[index],
        .msg_iovlen = 1,
    };
    messages[index].msg_len = 0;
  }
  int count;
  do {
    count = recvmmsg(file, messages, slots, MSG_DONTWAIT, NULL);
  } while (count < 0 && errno == EINTR);
  for (int index = 0; index < count; index++) {
    bool is_whole = (messages[index].msg_hdr.msg_flags & MSG_TRUNC) == 0;
    bool is_from_kernel = senders[index].nl_pid == 0;
    lengths[index] = is_whole && is_from_kernel ? messages[index].msg_len : 0;
  }
  return count;
}

int clinux_event_open(void) { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }

void clinux_event_signal(int file) {
  uint64_t one = 1;
  // It can only fail because the flag is up already.
  ssize_t written = write(file, &one, sizeof one);
  (void)written;
}

int clinux_poll_open(void) { return epoll_create1(EPOLL_CLOEXEC); }

int clinux_poll_add(int set, int file, uint32_t token) {
  struct epoll_event event = {.events = EPOLLIN, .data = {.u32 = token}};
  return epoll_ctl(set, EPOLL_CTL_ADD, file, &event);
}

int clinux_poll_wait(int set, uint32_t *tokens, int capacity, int milliseconds) {
  struct epoll_event events[64];
  if (capacity > 64) capacity = 64;
  int count = epoll_wait(set, events, capacity, milliseconds);
  if (count < 0) return errno == EINTR ? 0 : -1;
  for (int index = 0; index < count; index++) tokens[index] = events[index].data.u32;
  return count;
}

static void *do_nothing(void *argument) { return argument; }

int clinux_run_empty_thread(int processor) {
  pthread_attr_t attributes;
  int code = pthread_attr_init(&attributes);
  if (code == 0 && processor >= 0) {
    // Not cpu_set_t: a host may have more processors than that holds.
    size_t bytes = CPU_ALLOC_SIZE(processor + 1);
    cpu_set_t *set = CPU_ALLOC(processor + 1);
    if (set == NULL) {
      code = ENOMEM;
    } else {
      CPU_ZERO_S(bytes, set);
      CPU_SET_S(processor, bytes, set);
      code = pthread_attr_setaffinity_np(&attributes, bytes, set);
      CPU_FREE(set);
    }
  }
  pthread_t thread;
  if (code == 0) code = pthread_create(&thread, &attributes, do_nothing, NULL);
  if (code == 0) code = pthread_join(thread, NULL);
  pthread_attr_destroy(&attributes);
  errno = code;
  return code == 0 ? 0 : -1;
}
