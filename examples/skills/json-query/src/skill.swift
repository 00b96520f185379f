// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

private let defaultLimit: Int64 = 1000
private let maxLimit: Int64 = 10_000

func skill(_ input: JSON) throws(SkillError) -> JSON {
  guard case .object(let members) = input, let value = members.first(where: { $0.key.has("value") })?.value,
    let query = input["query"]?.text
  else { throw SkillError("bad_input", "`value` is missing, or `query` is no text") }
  var limit = defaultLimit
  if let given = input["limit"] {
    guard let number = given.integer, (1...maxLimit).contains(number) else {
      throw SkillError("bad_input", "`limit` has to be a number from 1 to 10000")
    }
    limit = number
  }
  guard query.utf8.count <= QueryParser.longest else { throw SkillError("bad_query", "the query is too long") }
  var parser = QueryParser(query)
  let parsed = try parser.parse()
  var evaluation = Evaluation(root: value)
  let nodes = try evaluation.nodes(of: parsed, from: value)
  let matches = nodes.prefix(Int(limit)).map { node in
    JSON.object([.init("path", .string(node.normalizedPath)), .init("value", node.value)])
  }
  return .object([
    .init("matches", .array(matches)), .init("count", .int(Int64(matches.count))),
    .init("truncated", .bool(nodes.count > matches.count)),
  ])
}
