#define _GNU_SOURCE
#include "CLinux.h"

#include <time.h>
#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <linux/openat2.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <arpa/inet.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

_Static_assert((int)MUSTER_NLMSG_ERROR == (int)NLMSG_ERROR, "netlink");
_Static_assert((int)MUSTER_NLMSG_DONE == (int)NLMSG_DONE, "netlink");
_Static_assert((int)MUSTER_RTM_NEWLINK == (int)RTM_NEWLINK, "netlink");
_Static_assert((int)MUSTER_RTM_DELLINK == (int)RTM_DELLINK, "netlink");
_Static_assert((int)MUSTER_RTM_NEWADDR == (int)RTM_NEWADDR, "netlink");
_Static_assert((int)MUSTER_RTM_DELADDR == (int)RTM_DELADDR, "netlink");

// Bytes of a frame the filter lets through; more than any DHCP message or TFTP request.
#define FRAME_MAX 2048
// Room for bursts of DISCOVER after a power cut, bytes.
#define RECEIVE_BUFFER (1 << 20)

static int fail(int fd) {
  int error = errno;
  if (fd >= 0) close(fd);
  return -error;
}

int muster_packet_open(unsigned interface_index) {
  static struct sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 12),                  // EtherType
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_IP, 0, 10),
      BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 23),                  // IP protocol
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 17, 0, 8),
      BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 20),                  // fragment offset
      BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x1fff, 6, 0),
      BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 14),                 // IP header length
      BPF_STMT(BPF_LD | BPF_H | BPF_IND, 16),                  // UDP destination port
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 67, 2, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 68, 1, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 69, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, FRAME_MAX),
      BPF_STMT(BPF_RET | BPF_K, 0),
  };
  static const struct sock_fprog filter = {sizeof program / sizeof program[0], program};
  // Protocol 0 receives nothing until bind names the interface and the protocol, so no unfiltered frame gets in.
  int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -errno;
  if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) < 0) return fail(fd);
  int size = RECEIVE_BUFFER;
  (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
  struct sockaddr_ll address = {
      .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = (int)interface_index};
  if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0) return fail(fd);
  return fd;
}

long muster_packet_receive(int fd, void *buffer, size_t capacity, int *outgoing) {
  struct sockaddr_ll from = {0};
  socklen_t length = sizeof from;
  long count = recvfrom(fd, buffer, capacity, MSG_DONTWAIT, (struct sockaddr *)&from, &length);
  if (count < 0) return -errno;
  *outgoing = from.sll_pkttype == PACKET_OUTGOING;
  return count;
}

long muster_packet_send(int fd, unsigned interface_index, const void *frame, size_t count) {
  struct sockaddr_ll to = {.sll_family = AF_PACKET,
                           .sll_protocol = htons(ETH_P_IP),
                           .sll_ifindex = (int)interface_index,
                           .sll_halen = ETH_ALEN};
  if (count < ETH_HLEN) return -EINVAL;
  memcpy(to.sll_addr, frame, ETH_ALEN);
  long sent = sendto(fd, frame, count, MSG_DONTWAIT, (struct sockaddr *)&to, sizeof to);
  return sent < 0 ? -errno : sent;
}

int muster_interface_lookup(int fd, const char *name, unsigned *index, uint8_t *mac) {
  struct ifreq request = {0};
  if (strlen(name) >= sizeof request.ifr_name) return -ENODEV;
  strcpy(request.ifr_name, name);
  if (ioctl(fd, SIOCGIFHWADDR, &request) < 0) return -errno;
  memcpy(mac, request.ifr_hwaddr.sa_data, ETH_ALEN);
  if (ioctl(fd, SIOCGIFINDEX, &request) < 0) return -errno;
  *index = (unsigned)request.ifr_ifindex;
  return 0;
}

int muster_netlink_open(void) {
  int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
  if (fd < 0) return -errno;
  int size = RECEIVE_BUFFER;
  (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
  struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR};
  if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0) return fail(fd);
  return fd;
}

int muster_netlink_dump(int fd, int addresses, uint32_t sequence) {
  struct {
    struct nlmsghdr header;
    struct rtgenmsg body;
  } request = {0};
  request.header.nlmsg_len = NLMSG_LENGTH(sizeof request.body);
  request.header.nlmsg_type = addresses ? RTM_GETADDR : RTM_GETLINK;
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  request.header.nlmsg_seq = sequence;
  request.body.rtgen_family = addresses ? AF_INET : AF_UNSPEC;
  return send(fd, &request, request.header.nlmsg_len, 0) < 0 ? -errno : 0;
}

int muster_unix_connect(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof address.sun_path) return -ENAMETOOLONG;
  strcpy(address.sun_path, path);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -errno;
  if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0) return fail(fd);
  return fd;
}

int muster_open_beneath(int directory, const char *path) {
  struct open_how how = {.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
                         .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
  long fd = syscall(SYS_openat2, directory, path, &how, sizeof how);
  return fd < 0 ? -errno : (int)fd;
}

int muster_epoll_open(void) {
  int epoll = epoll_create1(EPOLL_CLOEXEC);
  return epoll < 0 ? -errno : epoll;
}

int muster_epoll_add(int epoll, int fd, int writable, uint64_t token) {
  struct epoll_event event = {.events = (writable ? EPOLLOUT : EPOLLIN | EPOLLRDHUP) | EPOLLONESHOT, .data.u64 = token};
  return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

void muster_epoll_remove(int epoll, int fd) { (void)epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL); }

int muster_epoll_wait(int epoll, uint64_t *tokens, int capacity) {
  struct epoll_event events[64];
  int count = epoll_wait(epoll, events, capacity < 64 ? capacity : 64, -1);
  if (count < 0) return errno == EINTR ? 0 : -errno;
  for (int index = 0; index < count; index++) tokens[index] = events[index].data.u64;
  return count;
}

int muster_pidfd_open(int pid) {
  long fd = syscall(SYS_pidfd_open, pid, 0); // close-on-exec by definition
  return fd < 0 ? -errno : (int)fd;
}

int muster_pidfd_signal(int pidfd, int signal) {
  return syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0) < 0 ? -errno : 0;
}

int muster_reap(int pid, int *status) {
  int result = waitpid(pid, status, WNOHANG);
  return result < 0 ? -errno : (result == pid ? 1 : 0);
}

int muster_spawn(const char *path, char *const argv[], char *const environment[], int output) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  sigset_t none, all;
  pid_t pid = 0;
  sigemptyset(&none);
  sigfillset(&all);
  int error = posix_spawn_file_actions_init(&actions);
  if (error) return -error;
  error = posix_spawnattr_init(&attributes);
  if (error) {
    posix_spawn_file_actions_destroy(&actions);
    return -error;
  }
  if (!error) error = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  if (!error) error = posix_spawn_file_actions_addchdir_np(&actions, "/");
  if (!error) error = posix_spawn_file_actions_adddup2(&actions, output, 1);
  if (!error) error = posix_spawn_file_actions_adddup2(&actions, output, 2);
  if (!error) error = posix_spawn_file_actions_addclosefrom_np(&actions, 3);
  if (!error) error = posix_spawnattr_setsigmask(&attributes, &none);
  if (!error) error = posix_spawnattr_setsigdefault(&attributes, &all);
  if (!error)
    error = posix_spawnattr_setflags(&attributes,
                                     POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  if (!error) error = posix_spawn(&pid, path, &actions, &attributes, argv, environment);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  return error ? -error : pid;
}

int muster_enter_network_namespace(int fd) { return setns(fd, CLONE_NEWNET) < 0 ? -errno : 0; }

static int64_t nanoseconds(struct timespec time) { return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec; }

int64_t muster_wall_nanoseconds(void) {
  struct timespec time = {0};
  clock_gettime(CLOCK_REALTIME, &time);
  return nanoseconds(time);
}

int muster_file_times(int fd, int64_t *modified, int64_t *changed) {
  struct stat status;
  if (fstat(fd, &status) != 0) return -errno;
  *modified = nanoseconds(status.st_mtim);
  *changed = nanoseconds(status.st_ctim);
  return 0;
}
