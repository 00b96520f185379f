// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// The kit, as one unit; what a skill does not call is left out of its module.
#include "memory.c"
#include "json_read.c"
#include "json_write.c"
#include "skill.c"
