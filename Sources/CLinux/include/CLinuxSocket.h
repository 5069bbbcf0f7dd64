#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// A Unix datagram socket that tells who sent (unix(7)): structures and macros that Swift cannot
// take apart. Functions that fail return -1 and leave the reason in errno.

// Makes the socket at a path and listens there with SO_PASSCRED; any user of the host may send.
// A socket that nobody listens at any more is replaced; any other file is not (EADDRINUSE). The
// last directory of the path is made if it is missing. Never blocks.
int clinux_datagram_listen(const char *path);

// Takes one datagram: how many bytes it has, also where the buffer has fewer; *pid is the sender's
// process as this program's pid namespace has it, 0 if the kernel did not say.
ssize_t clinux_datagram_receive(int file, void *buffer, size_t capacity, int32_t *pid);

// Closes the file, and removes the socket at the path if nobody else listens there.
void clinux_datagram_close(int file, const char *path);
