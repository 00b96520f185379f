// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// What the calls of one event loop share; it lives on that loop.
final class LoopParts {
  let upstreams: UpstreamPool

  init(upstreams: UpstreamPool) { self.upstreams = upstreams }
}
