// What the rack agent needs of Linux and Swift's Glibc module does not carry: packet and netlink sockets, pidfds,
// network namespaces, and posix_spawn with its newer attributes. Every function returns a result that is not
// negative, or -errno. No function keeps a pointer it was given.
#ifndef MUSTER_CLINUX_H
#define MUSTER_CLINUX_H

#include <stddef.h>
#include <stdint.h>

// Opens a packet socket on one interface that sees what comes in and what goes out, and of that only UDP over
// IPv4 to the ports 67, 68 and 69. Non-blocking and close-on-exec. The filter is in place before the first packet.
int muster_packet_open(unsigned interface_index);

// Reads one frame. `outgoing` becomes 1 for a frame this host sent. -EAGAIN when there is none.
long muster_packet_receive(int fd, void *buffer, size_t capacity, int *outgoing);

// Sends one complete Ethernet frame.
long muster_packet_send(int fd, unsigned interface_index, const void *frame, size_t count);

// The hardware address (6 octets) and index of an interface, asked through any socket. -ENODEV when there is none.
int muster_interface_lookup(int fd, const char *name, unsigned *index, uint8_t *mac);

// Opens a route netlink socket subscribed to links and IPv4 addresses; non-blocking, close-on-exec.
int muster_netlink_open(void);

// Asks for a dump: RTM_GETLINK when `addresses` is 0, else RTM_GETADDR for IPv4.
int muster_netlink_dump(int fd, int addresses, uint32_t sequence);

// Connects to a unix stream socket; non-blocking, close-on-exec. -ENAMETOOLONG past 107 octets.
int muster_unix_connect(const char *path);

// Opens a file below `directory` for reading; the kernel keeps the path, symbolic links included, from leaving it.
// Non-blocking, so that a FIFO does not hold the caller; close-on-exec. -EXDEV for a path that leads outside.
int muster_open_beneath(int directory, const char *path);

// CLOCK_REALTIME in nanoseconds since 1970.
int64_t muster_wall_nanoseconds(void);

// When the contents and the inode of a file last changed, nanoseconds since 1970. 0, or -errno.
int muster_file_times(int fd, int64_t *modified, int64_t *changed);

// An epoll instance, close-on-exec; or the negative errno.
int muster_epoll_open(void);
// Says `token` once, when `fd` can be read (or the other end is gone), or written if `writable`. 0 or the negative errno.
int muster_epoll_add(int epoll, int fd, int writable, uint64_t token);
// Forgets `fd`, whether it was said or not.
void muster_epoll_remove(int epoll, int fd);
// Waits without end for up to `capacity` tokens. How many there are, 0 when a signal came first, or the negative errno.
int muster_epoll_wait(int epoll, uint64_t *tokens, int capacity);

int muster_pidfd_open(int pid);
int muster_pidfd_signal(int pidfd, int signal);

// Collects a child that ended: 1 and its raw wait status, 0 when it still runs, -ECHILD when it is not ours.
int muster_reap(int pid, int *status);

// Starts a program in a session of its own, in /, signals at their defaults, standard input from /dev/null, output
// and errors to `output`, every other descriptor closed. Returns the process id.
int muster_spawn(const char *path, char *const argv[], char *const environment[], int output);

// Moves the calling thread into the network namespace that `fd` names.
int muster_enter_network_namespace(int fd);

// Offsets and numbers of <linux/rtnetlink.h> that the parser needs.
enum {
  MUSTER_NLMSG_ERROR = 2,
  MUSTER_NLMSG_DONE = 3,
  MUSTER_RTM_NEWLINK = 16,
  MUSTER_RTM_DELLINK = 17,
  MUSTER_RTM_NEWADDR = 20,
  MUSTER_RTM_DELADDR = 21,
};

#endif
