// {{name}}: asks a model about its input. Needs Node 18 or later, and no package.
//
// OPENAI_BASE_URL and OPENAI_API_KEY are set for every agent, so `new OpenAI()` of the official SDK works here as it is.

const model = "local/extractive"; // offline; with a provider: "openai/gpt-4o-mini" and the like

let text = "";
for await (const piece of process.stdin) text += piece;
text ||= `What does a supervisor do?

A supervisor watches its agents. When an agent crashes, its supervisor starts it again. When an agent crashes too often,
the supervisor gives up and says so.
`;

console.error(`asking ${model}`);
const reply = await fetch(`${process.env.OPENAI_BASE_URL}/chat/completions`, {
  method: "POST",
  headers: {
    authorization: `Bearer ${process.env.OPENAI_API_KEY}`,
    "content-type": "application/json",
  },
  body: JSON.stringify({
    model,
    messages: [
      { role: "system", content: "Answer the question from the text." },
      { role: "user", content: text },
    ],
  }),
});
if (!reply.ok) {
  console.error(`the model call failed: ${await reply.text()}`);
  process.exit(1);
}
console.log((await reply.json()).choices[0].message.content);
