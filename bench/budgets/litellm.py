# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
"""LiteLLM beside it: one deployment with a budget of its own for each cell, on the same provider."""

import os

import dialects
import nodes
import processes

PORT = 15432
KEY = "sk-bench-peer-key"


def configuration(cells):
    base = f"http://127.0.0.1:{nodes.PROVIDER_PORT}"
    lines = ["model_list:"]
    for cell in cells:
        root = base if cell.api.provider == "anthropic" else f"{base}/v1beta" if cell.api.provider == "gemini" else f"{base}/v1"
        lines += [
            f"  - model_name: {cell.name}", "    litellm_params:",
            f"      model: {cell.api.provider}/{cell.api.model}", f'      api_base: "{root}"',
            "      api_key: sk-upstream", f"      input_cost_per_token: {dialects.INPUT_PRICE / 1e9:.9f}",
            f"      output_cost_per_token: {dialects.OUTPUT_PRICE / 1e9:.9f}",
            f"      max_budget: {nodes.dollars(cell.limit)}", "      budget_duration: 1d"]
    lines += [
        f"general_settings: {{ master_key: {KEY} }}", "litellm_settings: { telemetry: false, num_retries: 0 }",
        "router_settings: { num_retries: 0, disable_cooldowns: true }"]
    return "\n".join(lines) + "\n"


def log_file(folder):
    return os.path.join(folder, "budget-litellm.log")


def peer(litellm, folder, cells):
    """LiteLLM's proxy, as a process that ends with the block."""
    path = os.path.join(folder, "budget-litellm.yaml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(configuration(cells))
    command = [litellm, "--config", path, "--host", "127.0.0.1", "--port", str(PORT), "--num_workers", "1"]
    environment = {**os.environ, "LITELLM_TELEMETRY": "False", "LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR"}
    return processes.running(command, log_file(folder), env=environment)
