// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Glibc
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import NIOSSL

extension HTTPClientError {
  /// What a caller gets for any error of the network: cancellation and the caller's own errors stay what they are.
  static func describing(_ error: any Error, endpoint: HTTPEndpoint) -> any Error {
    switch error {
    case let error as NIOConnectionError: return describing(error)
    case let error as IOError: return describing(error, endpoint: endpoint)
    case is NIOSSLError, is BoringSSLError, is NIOSSLExtraError:
      return HTTPClientError(.tls, "TLS with \(endpoint.name) failed: \(error)")
    case let error as ChannelError:
      if case .connectTimeout = error { return HTTPClientError(.timeout, "\(endpoint.name) did not accept in time") }
      return HTTPClientError(.closed, "the connection to \(endpoint.name) ended")
    case HTTPParserError.invalidEOFState:
      return HTTPClientError(.closed, "the connection ended in the middle of the answer")
    case is HTTPParserError: return HTTPClientError(.malformed, "\(endpoint.name) does not speak HTTP/1.1: \(error)")
    case is SocketAddressError: return HTTPClientError(.unresolved, "\(endpoint.name) has no usable address")
    default: return error
    }
  }

  private static func describing(_ error: NIOConnectionError) -> HTTPClientError {
    let name = "\(error.host):\(error.port)"
    if error.connectionErrors.isEmpty, error.dnsAError != nil || error.dnsAAAAError != nil {
      return HTTPClientError(.unresolved, "\(error.host) has no address")
    }
    let isTimeout = error.connectionErrors.contains { failure in
      if case .connectTimeout? = failure.error as? ChannelError { return true }
      return false
    }
    return isTimeout
      ? HTTPClientError(.timeout, "\(name) did not accept in time")
      : HTTPClientError(.refused, "\(name) refused the connection")
  }

  private static func describing(_ error: IOError, endpoint: HTTPEndpoint) -> HTTPClientError {
    switch error.errnoCode {
    case ECONNREFUSED, ENOENT, EHOSTUNREACH, ENETUNREACH, EACCES, ENOTSOCK:
      HTTPClientError(.refused, "\(endpoint.name): \(unsafe String(cString: strerror(error.errnoCode)))")
    case ETIMEDOUT: HTTPClientError(.timeout, "\(endpoint.name) did not answer in time")
    default: HTTPClientError(.closed, "\(endpoint.name): \(unsafe String(cString: strerror(error.errnoCode)))")
    }
  }
}

extension HTTPEndpoint {
  /// As messages name it.
  var name: String {
    switch self {
    case .tcp(let host, let port), .tls(let host, let port): "\(host):\(port)"
    case .unix(let path): path
    }
  }
}
