#define _GNU_SOURCE
#include "CLinuxSocket.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int path_address(const char *path, struct sockaddr_un *address) {
  memset(address, 0, sizeof *address);
  address->sun_family = AF_UNIX;
  if (path[0] == 0 || strlen(path) >= sizeof address->sun_path) {
    errno = ENAMETOOLONG;
    return -1;
  }
  strcpy(address->sun_path, path);
  return 0;
}

static void make_directory(const char *path) {
  char directory[sizeof((struct sockaddr_un *)0)->sun_path];
  strcpy(directory, path);
  char *slash = strrchr(directory, '/');
  if (slash == NULL || slash == directory) return;
  *slash = 0;
  // Where this fails, binding fails as well and says why.
  (void)mkdir(directory, 0755);
}

// Removes a socket at which nobody listens any more.
static void remove_stale(const struct sockaddr_un *address) {
  struct stat facts;
  if (lstat(address->sun_path, &facts) != 0 || !S_ISSOCK(facts.st_mode)) return;
  int probe = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (probe < 0) return;
  bool is_stale = connect(probe, (const struct sockaddr *)address, sizeof *address) != 0 &&
                  errno == ECONNREFUSED;
  close(probe);
  if (is_stale) (void)unlink(address->sun_path);
}

int clinux_datagram_listen(const char *path) {
  struct sockaddr_un address;
  if (path_address(path, &address) != 0) return -1;
  make_directory(address.sun_path);
  remove_stale(&address);
  int file = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (file < 0) return -1;
  int yes = 1;
  if (setsockopt(file, SOL_SOCKET, SO_PASSCRED, &yes, sizeof yes) != 0 ||
      bind(file, (struct sockaddr *)&address, sizeof address) != 0 ||
      chmod(address.sun_path, 0666) != 0) {
    int reason = errno;
    close(file);
    errno = reason;
    return -1;
  }
  return file;
}

ssize_t clinux_datagram_receive(int file, void *buffer, size_t capacity, int32_t *pid) {
  struct iovec part = {.iov_base = buffer, .iov_len = capacity};
  union {
    char bytes[CMSG_SPACE(sizeof(struct ucred))];
    struct cmsghdr align;
  } control;
  struct msghdr message = {
      .msg_iov = &part,
      .msg_iovlen = 1,
      .msg_control = control.bytes,
      .msg_controllen = sizeof control.bytes,
  };
  *pid = 0;
  ssize_t count;
  do {
    count = recvmsg(file, &message, MSG_DONTWAIT | MSG_TRUNC | MSG_CMSG_CLOEXEC);
  } while (count < 0 && errno == EINTR);
  if (count < 0) return -1;
  for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header != NULL;
       header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_CREDENTIALS) continue;
    struct ucred sender;
    memcpy(&sender, CMSG_DATA(header), sizeof sender);
    *pid = sender.pid;
  }
  return count;
}

void clinux_datagram_close(int file, const char *path) {
  struct sockaddr_un address;
  close(file);
  // If another program listens there by now, it is that one's socket.
  if (path_address(path, &address) == 0) remove_stale(&address);
}
