// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// Where questions to people are told of: an address, and the secret that signs what is sent there.
package struct WebhookSpec: Sendable, Hashable {
  package var name: String
  package var url: String
  package var secret: SecretText

  package init(name: String, url: String, secret: SecretText) {
    self.name = name
    self.url = url
    self.secret = secret
  }
}
