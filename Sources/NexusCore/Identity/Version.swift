// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// The version of this source tree, by semantic versioning.
package enum NaosVersion {
  package static let current = "0.1.0"
}
