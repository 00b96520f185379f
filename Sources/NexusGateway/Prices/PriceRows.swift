// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// The rows of the built-in table, in the form that `PriceTable.parse` reads.
///
/// List prices of the standard tier as the vendors publish them, from their own pages and notes on them: OpenAI
/// (developers.openai.com/api/docs/pricing), Anthropic (platform.claude.com/docs/en/about-claude/pricing), Google
/// (ai.google.dev/gemini-api/docs/pricing); the others and the lengths from the models.dev catalogue. Introductory
/// discounts are left out: a price may be too high for a while, it must never be too low.
package enum PriceRows {
  /// The day on which the newest of them was checked.
  package static let asOf = "2026-10-26"

  static let text = """
    openai/gpt-3.5-turbo 0.5 1.5 window=16385 max=4096
    openai/gpt-4 30 60 window=8192 max=8192
    openai/gpt-4-turbo 10 30 window=128000 max=4096
    openai/gpt-4.1 2 8 read=0.5 window=1047576 max=32768
    openai/gpt-4.1-mini 0.4 1.6 read=0.1 window=1047576 max=32768
    openai/gpt-4.1-nano 0.1 0.4 read=0.025 window=1047576 max=32768
    openai/gpt-4o 2.5 10 read=1.25 window=128000 max=16384
    openai/gpt-4o-2024-05-13 5 15 window=128000 max=4096
    openai/gpt-4o-mini 0.15 0.6 read=0.075 window=128000 max=16384
    openai/gpt-5 1.25 10 read=0.125 window=272000 max=128000
    openai/gpt-5-chat-latest 1.25 10 read=0.125 window=272000 max=128000
    openai/gpt-5-codex 1.25 10 read=0.125 window=272000 max=128000
    openai/gpt-5-mini 0.25 2 read=0.025 window=272000 max=128000
    openai/gpt-5-nano 0.05 0.4 read=0.005 window=272000 max=128000
    openai/gpt-5-pro 15 120 window=272000 max=272000
    openai/gpt-5.1 1.25 10 read=0.125 window=272000 max=128000
    openai/gpt-5.1-chat-latest 1.25 10 read=0.125 window=128000 max=16384
    openai/gpt-5.1-codex 1.25 10 read=0.125 window=272000 max=128000
    openai/gpt-5.1-codex-max 1.25 10 read=0.125 window=272000 max=128000
    openai/gpt-5.1-codex-mini 0.25 2 read=0.025 window=272000 max=128000
    openai/gpt-5.2 1.75 14 read=0.175 window=272000 max=128000
    openai/gpt-5.2-chat-latest 1.75 14 read=0.175 window=128000 max=16384
    openai/gpt-5.2-codex 1.75 14 read=0.175 window=272000 max=128000
    openai/gpt-5.2-pro 21 168 window=272000 max=128000
    openai/gpt-5.3-chat-latest 1.75 14 read=0.175 window=128000 max=16384
    openai/gpt-5.3-codex 1.75 14 read=0.175 window=272000 max=128000
    openai/gpt-5.3-codex-spark 1.75 14 read=0.175 window=100000 max=32000
    openai/gpt-5.4 2.5 15 read=0.25 window=922000 max=128000 long=272000 lin=5 lout=22.5 lread=0.5
    openai/gpt-5.4-mini 0.75 4.5 read=0.075 window=272000 max=128000
    openai/gpt-5.4-nano 0.2 1.25 read=0.02 window=272000 max=128000
    openai/gpt-5.4-pro 30 180 window=922000 max=128000 long=272000 lin=60 lout=270
    openai/gpt-5.5 5 30 read=0.5 window=922000 max=128000 long=272000 lin=10 lout=45 lread=1
    openai/gpt-5.5-pro 30 180 window=922000 max=128000 long=272000 lin=60 lout=270
    openai/gpt-5.6-luna 0.2 1.2 read=0.02 write=0.25 window=922000 max=128000 \
      long=272000 lin=0.4 lout=1.8 lread=0.04 lwrite=0.5
    openai/gpt-5.6-sol 4 20 read=0.4 write=5 window=922000 max=128000 long=272000 lin=8 lout=30 lread=0.8 lwrite=10
    openai/gpt-5.6-terra 2 12 read=0.2 write=2.5 window=922000 max=128000 \
      long=272000 lin=4 lout=18 lread=0.4 lwrite=5
    openai/gpt-6-astra 10 50 read=1 write=12.5 window=922000 max=128000 long=272000 lin=20 lout=75 lread=2 lwrite=25
    openai/gpt-6-luna 0.1 0.5 read=0.01 write=0.125 window=922000 max=128000 \
      long=272000 lin=0.2 lout=0.75 lread=0.02 lwrite=0.25
    openai/gpt-6-sol 2 10 read=0.2 write=2.5 window=922000 max=128000 long=272000 lin=4 lout=15 lread=0.4 lwrite=5
    openai/gpt-6.1-sol 2 10 read=0.1 write=2.5 window=922000 max=128000 long=272000 lin=4 lout=15 lread=0.2 lwrite=5
    openai/gpt-6.1-terra 1 5 read=0.05 write=1.25 window=922000 max=128000 \
      long=272000 lin=2 lout=7.5 lread=0.1 lwrite=2.5
    openai/gpt-4o-audio-preview 2.5 10 ain=40 aout=80 window=128000 max=16384
    openai/gpt-4o-mini-audio-preview 0.15 0.6 ain=10 aout=20 window=128000 max=16384
    openai/gpt-audio 2.5 10 ain=32 aout=64 window=128000 max=16384
    openai/gpt-audio-mini 0.6 2.4 ain=10 aout=20 window=128000 max=16384
    openai/text-embedding-3-large 0.13 0 window=300000
    openai/text-embedding-3-small 0.02 0 window=300000
    openai/text-embedding-ada-002 0.1 0 window=300000
    openai/o1 15 60 read=7.5 window=200000 max=100000
    openai/o1-pro 150 600 window=200000 max=100000
    openai/o3 2 8 read=0.5 window=200000 max=100000
    openai/o3-mini 1.1 4.4 read=0.55 window=200000 max=100000
    openai/o3-pro 20 80 window=200000 max=100000
    openai/o4-mini 1.1 4.4 read=0.275 window=200000 max=100000
    anthropic/claude-3-5-haiku 0.8 4 read=0.08 write=1 write1h=1.6 window=200000 max=8192
    anthropic/claude-3-5-sonnet 3 15 read=0.3 write=3.75 write1h=6 window=200000 max=8192
    anthropic/claude-3-7-sonnet 3 15 read=0.3 write=3.75 write1h=6 window=200000 max=64000
    anthropic/claude-3-haiku 0.25 1.25 read=0.03 write=0.3 write1h=0.5 window=200000 max=4096
    anthropic/claude-3-opus 15 75 read=1.5 write=18.75 write1h=30 window=200000 max=4096
    anthropic/claude-fable-5 10 50 read=1 write=12.5 write1h=20 window=1000000 max=128000
    anthropic/claude-fable-5-1 10 50 read=0.25 write=12.5 write1h=20 window=1000000 max=128000
    anthropic/claude-haiku-4-5 1 5 read=0.1 write=1.25 write1h=2 window=200000 max=64000
    anthropic/claude-haiku-5-5 0.1 0.5 read=0.01 write=0.125 write1h=0.2 window=1000000 max=128000 \
      long=100000 lin=0.5 lout=2.5 lread=0.05 lwrite=0.625 lwrite1h=1
    anthropic/claude-opus-4 15 75 read=1.5 write=18.75 write1h=30 window=200000 max=32000
    anthropic/claude-opus-4-0 15 75 read=1.5 write=18.75 write1h=30 window=200000 max=32000
    anthropic/claude-opus-4-1 15 75 read=1.5 write=18.75 write1h=30 window=200000 max=32000
    anthropic/claude-opus-4-5 5 25 read=0.5 write=6.25 write1h=10 window=200000 max=64000
    anthropic/claude-opus-4-6 5 25 read=0.5 write=6.25 write1h=10 window=1000000 max=128000
    anthropic/claude-opus-4-7 5 25 read=0.5 write=6.25 write1h=10 window=1000000 max=128000
    anthropic/claude-opus-4-8 5 25 read=0.5 write=6.25 write1h=10 window=1000000 max=128000
    anthropic/claude-opus-5 5 25 read=0.5 write=6.25 write1h=10 window=1000000 max=128000
    anthropic/claude-opus-5-5 4 20 read=0.2 write=5 write1h=8 window=1000000 max=128000
    anthropic/claude-sonnet-4 3 15 read=0.3 write=3.75 write1h=6 window=1000000 max=64000 \
      long=200000 lin=6 lout=22.5 lread=0.6 lwrite=7.5 lwrite1h=12
    anthropic/claude-sonnet-4-0 3 15 read=0.3 write=3.75 write1h=6 window=1000000 max=64000 \
      long=200000 lin=6 lout=22.5 lread=0.6 lwrite=7.5 lwrite1h=12
    anthropic/claude-sonnet-4-5 3 15 read=0.3 write=3.75 write1h=6 window=1000000 max=64000 \
      long=200000 lin=6 lout=22.5 lread=0.6 lwrite=7.5 lwrite1h=12
    anthropic/claude-sonnet-4-6 3 15 read=0.3 write=3.75 write1h=6 window=1000000 max=64000
    anthropic/claude-sonnet-5 2 10 read=0.2 write=2.5 write1h=4 window=1000000 max=128000
    anthropic/claude-sonnet-5-5 2 10 read=0.1 write=2.5 write1h=4 window=1000000 max=128000
    gemini/gemini-2.0-flash 0.1 0.4 read=0.025 ain=0.7 window=1048576 max=8192
    gemini/gemini-2.0-flash-lite 0.075 0.3 ain=0.075 window=1048576 max=8192
    gemini/gemini-2.5-flash 0.3 2.5 read=0.03 ain=1 window=1048576 max=65536
    gemini/gemini-2.5-flash-lite 0.1 0.4 read=0.01 ain=0.3 window=1048576 max=65536
    gemini/gemini-2.5-pro 1.25 10 read=0.125 ain=1.25 window=1048576 max=65536 \
      long=200000 lin=2.5 lout=15 lread=0.25 lain=2.5
    gemini/gemini-2.5-flash-image 0.3 2.5 iout=30 window=32768 max=32768
    gemini/gemini-3-flash-preview 0.5 3 read=0.05 ain=1 window=1048576 max=65536
    gemini/gemini-3-pro-image-preview 2 12 iout=120 window=65536 max=32768
    gemini/gemini-3-pro-preview 2 12 read=0.2 ain=2 window=1048576 max=65536 \
      long=200000 lin=4 lout=18 lread=0.4 lain=4
    gemini/gemini-3.1-flash-lite 0.25 1.5 read=0.025 ain=0.5 window=1048576 max=65536
    gemini/gemini-3.1-flash-lite-preview 0.25 1.5 read=0.025 ain=0.5 window=1048576 max=65536
    gemini/gemini-3.1-pro-preview 2 12 read=0.2 ain=2 window=1048576 max=65536 \
      long=200000 lin=4 lout=18 lread=0.4 lain=4
    gemini/gemini-3.5-flash 1.5 9 read=0.15 window=1048576 max=65536
    gemini/gemini-3.5-flash-lite 0.3 2.5 read=0.03 window=1048576 max=65536
    gemini/gemini-3.6-flash 1.5 7.5 read=0.15 window=1048576 max=65536
    gemini/gemini-3.7-flash 1.5 7.5 read=0.15 window=1048576 max=65536
    gemini/gemini-3.8-flash 1.5 7.5 read=0.15 window=1048576 max=65536
    gemini/gemini-flash-latest 1.5 9 read=0.15 window=1048576 max=65536
    gemini/gemini-flash-lite-latest 0.3 2.5 read=0.03 window=1048576 max=65536
    mistral/codestral-latest 0.3 0.9 window=256000 max=4096
    mistral/devstral-2512 0.4 2 window=262144 max=262144
    mistral/devstral-latest 0.4 2 window=262144 max=262144
    mistral/devstral-medium-2507 0.4 2 window=128000 max=128000
    mistral/devstral-medium-latest 0.4 2 window=262144 max=262144
    mistral/devstral-small-2505 0.1 0.3 window=128000 max=128000
    mistral/devstral-small-2507 0.1 0.3 window=128000 max=128000
    mistral/magistral-medium-latest 2 5 window=128000 max=16384
    mistral/magistral-small 0.5 1.5 window=128000 max=128000
    mistral/ministral-3b-latest 0.04 0.04 window=128000 max=128000
    mistral/ministral-8b-latest 0.1 0.1 window=128000 max=128000
    mistral/mistral-large-2411 2 6 window=131072 max=16384
    mistral/mistral-large-2512 0.5 1.5 window=262144 max=262144
    mistral/mistral-large-latest 0.5 1.5 window=262144 max=262144
    mistral/mistral-medium-2505 0.4 2 window=131072 max=131072
    mistral/mistral-medium-2508 0.4 2 window=262144 max=262144
    mistral/mistral-medium-2604 1.5 7.5 window=262144 max=262144
    mistral/mistral-medium-latest 1.5 7.5 window=262144 max=262144
    mistral/mistral-nemo 0.15 0.15 window=128000 max=128000
    mistral/mistral-small-2506 0.1 0.3 window=128000 max=16384
    mistral/mistral-small-2603 0.15 0.6 window=256000 max=256000
    mistral/mistral-small-latest 0.15 0.6 window=256000 max=256000
    mistral/open-mistral-7b 0.25 0.25 window=8000 max=8000
    mistral/open-mistral-nemo 0.15 0.15 window=128000 max=128000
    mistral/open-mixtral-8x22b 2 6 window=64000 max=64000
    mistral/open-mixtral-8x7b 0.7 0.7 window=32000 max=32000
    mistral/pixtral-12b 0.15 0.15 window=128000 max=128000
    mistral/pixtral-large-latest 2 6 window=128000 max=128000
    deepseek/deepseek-chat 0.14 0.28 read=0.0028 window=1000000 max=384000
    deepseek/deepseek-reasoner 0.14 0.28 read=0.0028 window=1000000 max=384000
    deepseek/deepseek-v4-flash 0.14 0.28 read=0.0028 window=1000000 max=384000
    deepseek/deepseek-v4-pro 1.74 3.48 read=0.145 window=1000000 max=384000
    groq/llama-3.1-8b-instant 0.05 0.08 window=131072 max=131072
    groq/llama-3.3-70b-versatile 0.59 0.79 window=131072 max=32768
    groq/meta-llama/llama-4-scout-17b-16e-instruct 0.11 0.34 window=131072 max=8192
    groq/openai/gpt-oss-120b 0.15 0.6 read=0.075 window=131072 max=65536
    groq/openai/gpt-oss-20b 0.075 0.3 read=0.0375 window=131072 max=65536
    groq/qwen/qwen3-32b 0.29 0.59 window=131072 max=40960
    xai/grok-4.20-0309-non-reasoning 1.25 2.5 read=0.2 window=1000000 max=30000 long=200000 lin=2.5 lout=5 lread=0.4
    xai/grok-4.20-0309-reasoning 1.25 2.5 read=0.2 window=1000000 max=30000 long=200000 lin=2.5 lout=5 lread=0.4
    xai/grok-4.3 1.25 2.5 read=0.2 window=1000000 max=30000 long=200000 lin=2.5 lout=5 lread=0.4
    xai/grok-build-0.1 1 2 read=0.2 window=256000 max=256000 long=200000 lin=2 lout=4 lread=0.4
    """
}
