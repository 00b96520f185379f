// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NIOCore
internal import NexusCore
internal import NexusKernel

/// The changes to a request body on its way to the provider, as replacements of byte ranges; all other bytes stay.
struct RequestRewrite {
  private var edits: [(range: Range<Int>, text: String)] = []

  /// Names the provider's model, forces the usage at the end of a stream and, if given, lowers the output cap.
  init(_ request: ModelRequest, body: Span<UInt8>, model: String, outputCap: Int64?, forcesUsage: Bool) {
    if model != request.model, let place = request.places.model {
      edits.append((place, JSONValue.string(model).text()))
    }
    if request.api.asksForUsage, request.isStream, forcesUsage, !request.wantsUsage {
      edits.append(Self.usageEdit(request, body))
    }
    if let outputCap, outputCap != request.maxOutput, let place = request.places.cap {
      edits.append((place.range, "\(place.before)\(outputCap)\(place.after)"))
    }
    edits.sort { $0.range.lowerBound < $1.range.lowerBound }
  }

  private static func usageEdit(_ request: ModelRequest, _ body: Span<UInt8>) -> (range: Range<Int>, text: String) {
    guard let place = request.places.streamOptions else {
      let start = request.places.objectStart
      return (start..<start, "\"stream_options\":{\"include_usage\":true},")
    }
    var options = JSONScan.value(body, place)?.objectValue ?? JSONObject()
    options["include_usage"] = true
    return (place, JSONValue.object(options).text())
  }

  /// The body as it goes to the provider.
  func applied(to body: ByteBuffer) -> RewrittenBody {
    var result = RewrittenBody()
    var position = 0
    for edit in edits {
      result.append(body, position..<edit.range.lowerBound)
      result.append(ByteBuffer(string: edit.text))
      position = edit.range.upperBound
    }
    result.append(body, position..<body.readableBytes)
    return result
  }
}

/// A request body as it goes to the provider: parts of the agent's own bytes with what stands in place of others.
struct RewrittenBody {
  private(set) var pieces: [ByteBuffer] = []
  /// The bytes of all pieces.
  private(set) var count = 0

  fileprivate mutating func append(_ body: ByteBuffer, _ range: Range<Int>) {
    if let slice = body.getSlice(at: body.readerIndex + range.lowerBound, length: range.count) { append(slice) }
  }

  fileprivate mutating func append(_ bytes: ByteBuffer) {
    guard bytes.readableBytes > 0 else { return }
    pieces.append(bytes)
    count += bytes.readableBytes
  }

  /// All of it in one buffer.
  var whole: ByteBuffer {
    if pieces.count == 1 { return pieces[0] }
    var whole = ByteBufferAllocator().buffer(capacity: count)
    for piece in pieces { whole.writeImmutableBuffer(piece) }
    return whole
  }
}
