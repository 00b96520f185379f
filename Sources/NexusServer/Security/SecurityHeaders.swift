// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// The headers that every answer carries.
enum SecurityHeaders {
  /// Only our own files run, nothing inline, no frame around the page, no form that goes anywhere.
  ///
  /// The one policy for trusted types lets the page start its worker and nothing else.
  static let contentSecurityPolicy = [
    "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self'", "connect-src 'self'",
    "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'", "require-trusted-types-for 'script'",
    "trusted-types naos",
  ].joined(separator: "; ")

  static let all: [(name: String, value: String)] = [
    ("content-security-policy", contentSecurityPolicy), ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"), ("referrer-policy", "no-referrer"), ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
  ]
}
