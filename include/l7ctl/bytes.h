/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Bytes, words and byte order, the same in C11, C++20 and BPF. */
#ifndef L7CTL_BYTES_H
#define L7CTL_BYTES_H

#include <linux/types.h>

#ifdef __cplusplus
#define L7_ASSERT(condition) static_assert(condition, #condition)
#else
#define L7_ASSERT(condition) _Static_assert(condition, #condition)
#endif

/* BPF programs are verified once per path through them, so small steps are merged into their
 * caller. */
#define L7_INLINE static inline __attribute__((always_inline, unused))

#define L7_LIKELY(x) __builtin_expect(!!(x), 1)
#define L7_UNLIKELY(x) __builtin_expect(!!(x), 0)

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define L7_BE16(x) ((__u16)__builtin_bswap16((__u16)(x)))
#define L7_BE32(x) ((__u32)__builtin_bswap32((__u32)(x)))
#else
#define L7_BE16(x) ((__u16)(x))
#define L7_BE32(x) ((__u32)(x))
#endif

/*
 * Unaligned loads and stores; the value keeps the order it has in memory. clang makes byte loads of
 * a memcpy in BPF, where the verifier itself sees to what alignment the machine can do.
 */
#ifdef __bpf__
#define L7_WORD(bits)                                                                              \
    L7_INLINE __u##bits l7_load##bits(const void *at) {                                            \
        return *(const __u##bits *)at;                                                             \
    }                                                                                              \
    L7_INLINE void l7_store##bits(void *at, __u##bits value) {                                     \
        *(__u##bits *)at = value;                                                                  \
    }
#else
#define L7_WORD(bits)                                                                              \
    L7_INLINE __u##bits l7_load##bits(const void *at) {                                            \
        __u##bits value;                                                                           \
        __builtin_memcpy(&value, at, sizeof(value));                                               \
        return value;                                                                              \
    }                                                                                              \
    L7_INLINE void l7_store##bits(void *at, __u##bits value) {                                     \
        __builtin_memcpy(at, &value, sizeof(value));                                               \
    }
#endif
L7_WORD(16)
L7_WORD(32)
L7_WORD(64)
#undef L7_WORD

/* Loads from network byte order to host byte order. */
L7_INLINE __u16 l7_load_be16(const void *at) {
    return L7_BE16(l7_load16(at));
}

L7_INLINE __u32 l7_load_be32(const void *at) {
    return L7_BE32(l7_load32(at));
}

#endif
