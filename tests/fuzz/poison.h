/* poison.h - memory that must not be touched, where a sanitizer can tell */
#ifndef FUZZ_POISON_H
#define FUZZ_POISON_H

#include <stddef.h>

#if defined(__SANITIZE_ADDRESS__)
#define FUZZ_HAS_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FUZZ_HAS_ASAN 1
#endif
#endif

#ifdef FUZZ_HAS_ASAN
#include <sanitizer/asan_interface.h>
#define poison(p, len) __asan_poison_memory_region((p), (len))
#define unpoison(p, len) __asan_unpoison_memory_region((p), (len))
#else
#define poison(p, len) ((void)(p), (void)(len))
#define unpoison(p, len) ((void)(p), (void)(len))
#endif

#endif
