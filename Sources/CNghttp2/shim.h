#include <nghttp2/nghttp2.h>
// For the size of a block of malloc's.
#if defined(__APPLE__)
#include <malloc/malloc.h>
#else
#include <malloc.h>
#endif
