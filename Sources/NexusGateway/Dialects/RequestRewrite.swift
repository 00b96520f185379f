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
  func applied(to body: ByteBuffer) -> ByteBuffer {
    if edits.isEmpty { return body }
    var result = ByteBuffer()
    result.reserveCapacity(body.readableBytes + edits.reduce(0) { $0 + $1.text.utf8.count })
    var position = 0
    let base = body.readerIndex
    for edit in edits {
      if let slice = body.getSlice(at: base + position, length: edit.range.lowerBound - position) {
        result.writeImmutableBuffer(slice)
      }
      result.writeString(edit.text)
      position = edit.range.upperBound
    }
    if let slice = body.getSlice(at: base + position, length: body.readableBytes - position) {
      result.writeImmutableBuffer(slice)
    }
    return result
  }
}
