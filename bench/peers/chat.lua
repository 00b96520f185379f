-- SPDX-License-Identifier: Apache-2.0
-- Copyright the Nexus OS authors
-- One chat completion, again and again, with the key of the environment; prints one line that a script can read.
wrk.method = "POST"
wrk.path = "/v1/chat/completions"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer " .. (os.getenv("KEY") or "none")
wrk.body = '{"model":"gpt-4o-mini","max_tokens":64,"messages":[{"role":"system","content":"Answer in one sentence."},{"role":"user","content":"What does a saga do when a step fails?"}]}'

done = function(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format("figures %.1f %d %d %d %d\n",
    summary.requests / (summary.duration / 1e6), latency:percentile(50), latency:percentile(99),
    errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
