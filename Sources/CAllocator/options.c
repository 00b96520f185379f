// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// The options that jemalloc reads before the first allocation; the variable `MALLOC_CONF` overrides them.
///
/// Two arenas: a node runs as many threads as there are processors, and each arena keeps pages of its own. Freed pages
/// go back to the system after a second, so that what a burst took is not held while the node is idle.
const char *malloc_conf = "narenas:2,dirty_decay_ms:1000,muzzy_decay_ms:0,thp:never,metadata_thp:disabled";
