// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NIOCore
internal import NIOHTTP1
internal import NexusKernel

/// What is wrong with a request that is not HTTP as it should be, and how it is answered.
///
/// Whatever two readers could understand in two ways is refused, never mended: what one of them takes for the body of
/// one request may be another request to the other (RFC 9112 §11.2).
struct FrontFault {
  let error: GatewayError
  let form: ErrorForm
  /// Overrides the status of the error's code.
  var status: Int?

  /// Of a request that could not be taken apart.
  init?(_ error: any Error, _ watch: WireWatch) {
    form = .of(beginning: watch.start)
    switch error {
    case HTTPParserError.headerOverflow, is HeadOverflow:
      self.error = watch.hasLine ? Self.headTooLong : Self.targetTooLong
    case HTTPParserError.invalidMethod where Self.hasMethod(watch.start):
      self.error = GatewayError(.unsupportedHTTP, "The method is none that HTTP knows.")
    case is HTTPParserError where Self.isOtherVersion(watch.start):
      self.error = GatewayError(.unsupportedHTTP, "Only HTTP/1.1 is spoken here.")
      status = 505
    case HTTPParserError.invalidEOFState:
      self.error = GatewayError(.malformedHTTP, "The request ends before it is whole.")
    case let error as HTTPParserError:
      self.error = GatewayError(.malformedHTTP, "This is not HTTP/1.1 as it should be: \(error).")
    default: return nil
    }
  }

  /// Of a head that did not come in time.
  init(late watch: WireWatch) {
    error = Self.slow
    form = .of(beginning: watch.start)
  }

  private static let headTooLong = GatewayError(.headTooLarge, "The header of the request is too large.")
  private static let targetTooLong = GatewayError(.targetTooLong, "The target of the request is too long.")

  /// A request line as it should be but for its version; HTTP/2 begins with one.
  private static func isOtherVersion(_ start: [UInt8]) -> Bool {
    let line = start.prefix { $0 != 0x0D && $0 != 0x0A }
    let words = line.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
    guard words.count == 3, hasMethod(start) else { return false }
    return words[2].starts(with: "HTTP/".utf8) && !words[2].elementsEqual("HTTP/1.1".utf8)
      && !words[2].elementsEqual("HTTP/1.0".utf8)
  }

  /// Capital letters and a space, as a method would be; other noise is not even that.
  private static func hasMethod(_ start: [UInt8]) -> Bool {
    let word = start.prefix { (0x41...0x5A).contains($0) || $0 == UInt8(ascii: "-") }
    return !word.isEmpty && word.count < start.count && start[word.count] == UInt8(ascii: " ")
  }

  /// What a head that was taken apart says of its body that this plane does not go by.
  static func inFraming(of head: HTTPRequestHead) -> GatewayError? {
    let codings = head.headers["transfer-encoding"]
    let lengths = head.headers["content-length"]
    if lengths.count > 1 || (!codings.isEmpty && !lengths.isEmpty) {
      return GatewayError(.malformedHTTP, "The request states its length more than once.")
    }
    guard let coding = codings.first else { return nil }
    if head.version == .http1_0 {
      return GatewayError(.malformedHTTP, "HTTP/1.0 knows no transfer coding.")
    }
    guard codings.count == 1, coding.lowercased() == "chunked" else {
      return GatewayError(.unsupportedHTTP, "No transfer coding but 'chunked' is known here.")
    }
    return nil
  }

  static let slow = GatewayError(.tooSlow, "The request did not come in time.")
  static let framing = GatewayError(.malformedHTTP, "The request is more framing than body.")
}

extension ErrorForm {
  /// The form that fits a request of which only the beginning is known.
  static func of(beginning start: [UInt8]) -> ErrorForm {
    let words = start.prefix { $0 != 0x0D && $0 != 0x0A }.split(separator: UInt8(ascii: " "), maxSplits: 2)
    guard words.count > 1 else { return .dialect(.openai) }
    return .of(path: String(decoding: words[1], as: UTF8.self), HTTPHeaders())
  }
}
