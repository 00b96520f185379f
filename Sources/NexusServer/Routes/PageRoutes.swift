// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusAPI

extension OperatorPlane {
  /// The dashboard's pages and files.
  ///
  /// The login page is open, because whoever opens it has no session yet; it says nothing about the project.
  var pageRoutes: [Route] {
    let assets = assets
    return assets.all.map { asset in
      Route(
        "GET", asset.path, access: asset.isOpen ? .open : .page, asset.summary, statuses: [200, 304],
        contentType: asset.contentType, isFile: true
      ) { request throws(OperationError) in
        try assets.answer(asset, request: request)
      }
    }
  }
}
