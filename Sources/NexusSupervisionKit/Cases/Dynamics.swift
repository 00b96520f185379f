// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel

extension SupervisionCases {
  static let dynamics: [SupervisionCase] = []
}
