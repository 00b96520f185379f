// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// A chat request in the form that the local models work on, whatever dialect it came in.
package struct LocalChatRequest: Sendable, Hashable {
  package var model: String
  package var messages: [LocalMessage]
  package var tools: [ToolDefinition]
  package var toolChoice: LocalToolChoice
  /// The answer must be a JSON object.
  package var wantsJSON: Bool
  package var maxTokens: Int?

  package init(
    model: String, messages: [LocalMessage], tools: [ToolDefinition] = [], toolChoice: LocalToolChoice = .auto,
    wantsJSON: Bool = false, maxTokens: Int? = nil
  ) {
    self.model = model
    self.messages = messages
    self.tools = tools
    self.toolChoice = toolChoice
    self.wantsJSON = wantsJSON
    self.maxTokens = maxTokens
  }
}

package enum LocalToolChoice: Sendable, Hashable {
  case auto
  case none
  case required
  case named(String)
}

package struct LocalMessage: Sendable, Hashable {
  package enum Role: String, Sendable { case system, user, assistant, tool }
  package var role: Role
  package var text: String
  /// What an assistant's message asks for.
  package var toolCalls: [LocalToolCall]
  /// The call that a tool's message answers.
  package var toolCallID: String?

  package init(role: Role, text: String, toolCalls: [LocalToolCall] = [], toolCallID: String? = nil) {
    self.role = role
    self.text = text
    self.toolCalls = toolCalls
    self.toolCallID = toolCallID
  }
}

package struct LocalToolCall: Sendable, Hashable {
  package var id: String
  /// As the request names the tool.
  package var name: String
  package var arguments: JSONValue
  package init(id: String, name: String, arguments: JSONValue) {
    self.id = id
    self.name = name
    self.arguments = arguments
  }

  /// The arguments as they travel; a script may hold a text that is no JSON, which is sent as it is.
  var writtenArguments: String { arguments.stringValue ?? arguments.text() }
}

package struct LocalChatReply: Sendable, Hashable {
  package enum Content: Sendable, Hashable {
    case text(String)
    case toolCalls([LocalToolCall])
  }
  package var content: Content
  package var usage: LocalUsage
  /// `maxTokens` cut the text off.
  package var isCut: Bool

  package init(content: Content, usage: LocalUsage, isCut: Bool = false) {
    self.content = content
    self.usage = usage
    self.isCut = isCut
  }
}

package struct LocalUsage: Sendable, Hashable {
  package var inputTokens: Int
  package var outputTokens: Int
  package init(inputTokens: Int, outputTokens: Int) {
    self.inputTokens = inputTokens
    self.outputTokens = outputTokens
  }
}

extension LocalChatReply {
  /// For a request that is only counted or embedded.
  package static func counted(_ request: LocalChatRequest) -> LocalChatReply {
    LocalChatReply(
      content: .text(""), usage: LocalUsage(inputTokens: LocalTokens.count(request), outputTokens: 0))
  }
}

/// The token count of the local models: one token for each 4 bytes of UTF-8, rounded up, and 4 more for each message.
///
/// It is simple on purpose. The local models cost nothing; the count exists so that token budgets bind them too.
package enum LocalTokens {
  package static func count(_ text: String) -> Int { (text.utf8.count + 3) / 4 }

  package static func count(_ request: LocalChatRequest) -> Int {
    var sum = 0
    for message in request.messages {
      sum += 4 + count(message.text)
      for call in message.toolCalls { sum += count(call.name) + count(call.arguments.text()) }
    }
    for tool in request.tools {
      sum += count(tool.name) + count(tool.description) + count(tool.parameters.text())
    }
    return sum
  }

  package static func count(_ content: LocalChatReply.Content) -> Int {
    switch content {
    case .text(let text): count(text)
    case .toolCalls(let calls): calls.reduce(0) { $0 + 4 + count($1.name) + count($1.arguments.text()) }
    }
  }
}

/// Ids made of what they name, so that the same request gets the same bytes back.
enum ContentID {
  /// 64 bits of FNV-1a in hexadecimal: enough to tell the calls of one conversation apart, and no secret.
  static func of(_ parts: String...) -> String {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for part in parts {
      for byte in part.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
      hash = (hash ^ 0xFF) &* 0x100_0000_01B3
    }
    let digits = String(hash, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}
