// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusAPI
internal import NexusCore

extension OperatorPlane {
  /// The way from `naos dashboard` to a session: a code made with the token, used up once by the page.
  var sessionRoutes: [Route] {
    let credentials = credentials
    return [
      Route(
        "GET", "/api/v1/session",
        "Who asks: `{name, role, isOwner}`; only the owner of the node changes anything but approvals."
      ) { request throws(OperationError) in
        .json([
          "name": .string(request.asker.name), "role": .string(request.asker.role),
          "isOwner": .bool(request.asker.isOwner),
        ])
      },
      Route(
        "POST", "/api/v1/login-codes", access: .login,
        "Makes a login code for the dashboard: its session is that of whose token it is.", statuses: [201]
      ) { request throws(OperationError) in
        let holder = LoginSessions.Holder(token: credentials.namedToken(of: request))
        return .json(
          [
            "code": .string(credentials.sessions.issueCode(for: holder)),
            "validSeconds": .int(OperatorLimits.loginCodeLifetime.components.seconds),
          ], status: 201)
      },
      Route(
        "POST", "/login", access: .open, "Uses up a login code: sets the cookie, gives the session secret.",
        statuses: [201]
      ) {
        request throws(OperationError) in
        guard let code = try request.json()["code"]?.stringValue else {
          throw .misunderstood("The member `code` is missing.")
        }
        let opened = try credentials.sessions.redeem(code)
        var reply = OperatorReply.json(["session": .string(opened.secret)], status: 201)
        let cookie = "\(credentials.cookieName)=\(opened.cookie); Path=/; HttpOnly; SameSite=Strict"
        reply.headers.append(("set-cookie", cookie))
        return reply
      },
      Route("POST", "/api/v1/logout", access: .own, "Ends the session that asks.", statuses: [204]) {
        request throws(OperationError) in
        if let cookie = credentials.cookie(of: request) { credentials.sessions.close(cookie: cookie) }
        var reply = OperatorReply.empty
        reply.headers.append(
          ("set-cookie", "\(credentials.cookieName)=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0"))
        return reply
      },
    ]
  }
}
