// For callgrind: libdispatch parks the main thread in sigsuspend with a signal mask in read-only memory, which valgrind
// 3.19 writes to and dies. Waiting without a mask is the same here, since that thread is never woken.
#include <signal.h>
#include <unistd.h>

int sigsuspend(const sigset_t *mask) {
  (void)mask;
  for (;;) pause();
}
