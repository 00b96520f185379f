// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

// The statements about approvals. Of one run or call there are few, so their status is looked at row by row (`+`); in
// lists ?1 is the id before which a page begins, and ?2 its length.
extension SQL {
  var approvalText: String {
    switch self {
    case .insertApproval:
      "INSERT INTO approval (id, run, step, slot, status, version) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
    case .advanceApproval: "UPDATE approval SET status = ?3, version = ?4 WHERE id = ?1 AND version = ?2"
    case .insertApprovalEntry:
      "INSERT INTO approval_entry (approval, seq, at, entry) SELECT key, ?2, ?3, ?4 FROM approval WHERE id = ?1"
    case .findApproval: "SELECT key FROM approval WHERE id = ?1"
    case .approvalEntries: "SELECT at, entry FROM approval_entry WHERE approval = ?1 ORDER BY seq"
    case .approvalsOfStatus:
      "SELECT key, id FROM approval WHERE status = ?3 AND id < ?1 ORDER BY id DESC LIMIT ?2"
    case .approvalsOfRun:
      "SELECT key, id FROM approval WHERE run = ?4 AND id < ?1 AND +status = ?3 ORDER BY id DESC LIMIT ?2"
    case .approvalsOfPlace:
      """
      SELECT key, id FROM approval
      WHERE run = ?4 AND step = ?5 AND slot = ?6 AND id < ?1 AND +status = ?3 ORDER BY id DESC LIMIT ?2
      """
    case .approvalCount: "SELECT count(*) FROM approval WHERE status = ?1"
    case .deleteApprovals: "DELETE FROM approval WHERE run = ?1"
    default: "DELETE FROM approval_entry WHERE approval IN (SELECT key FROM approval WHERE run = ?1)"
    }
  }
}
