// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
#ifndef CALLOCATOR_H
#define CALLOCATOR_H

// Nothing to call: linking this target is what it is for. See docs/decisions/0014-jemalloc.md.

#endif
