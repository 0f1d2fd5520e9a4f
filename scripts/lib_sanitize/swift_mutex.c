// Tells the thread sanitizer what Swift's Mutex does when it has to wait.
//
// Mutex locks by an atomic exchange in the caller, which the sanitizer sees, or, if somebody has it, in the runtime's
// libswiftSynchronization.so, which it does not: every value behind a contended Mutex looks like a race. Preloaded, this
// stands before the runtime's slow path. The address of the lock is the sanitizer's name for it, as in the fast path.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>

#define SWIFTCALL __attribute__((swiftcall))
#define SWIFT_SELF __attribute__((swift_context))
#define LOCK_SLOW "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define UNLOCK_SLOW "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"

// The sanitizer's, in a program that has it.
__attribute__((weak)) void __tsan_acquire(void *address);
__attribute__((weak)) void __tsan_release(void *address);

typedef SWIFTCALL void LockSlow(uint32_t thread, SWIFT_SELF void *lock);
typedef SWIFTCALL void UnlockSlow(SWIFT_SELF void *lock);

static LockSlow *runtime_lock;
static UnlockSlow *runtime_unlock;

__attribute__((constructor)) static void find_runtime(void) {
	runtime_lock = (LockSlow *)dlsym(RTLD_NEXT, LOCK_SLOW);
	runtime_unlock = (UnlockSlow *)dlsym(RTLD_NEXT, UNLOCK_SLOW);
}

SWIFTCALL void lock_slow(uint32_t thread, SWIFT_SELF void *lock) __asm__(LOCK_SLOW);
SWIFTCALL void unlock_slow(SWIFT_SELF void *lock) __asm__(UNLOCK_SLOW);

SWIFTCALL void lock_slow(uint32_t thread, SWIFT_SELF void *lock) {
	runtime_lock(thread, lock);
	if (__tsan_acquire) __tsan_acquire(lock);
}

SWIFTCALL void unlock_slow(SWIFT_SELF void *lock) {
	if (__tsan_release) __tsan_release(lock);
	runtime_unlock(lock);
}
