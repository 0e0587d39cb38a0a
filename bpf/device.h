/* SPDX-License-Identifier: GPL-2.0-only */
/* What the loader says of the program's device. It sets these before loading, and the verifier
 * drops what does not apply. */
#ifndef L7CTL_BPF_DEVICE_H
#define L7CTL_BPF_DEVICE_H

#include <linux/types.h>

const volatile __u32 l7_device_slot = 0; /* its attachment points are twice that, and the hook */
const volatile __u32 l7_l3_device = 0;   /* 1: packets have no link header */

#endif
