// OpenAI's library for Node as a client of the gateway; prints what it got as JSON.
import OpenAI from "openai";
import { zodResponseFormat } from "openai/helpers/zod";
import { z } from "zod";

const client = new OpenAI({ baseURL: process.env.GATEWAY_URL, apiKey: "not-needed", maxRetries: 0 });
const model = process.env.GATEWAY_MODEL;
const ask = (content) => [{ role: "user", content }];
const tools = [
  {
    type: "function",
    function: { name: "get_weather", parameters: { type: "object", properties: { city: { type: "string" } } } },
  },
];
const City = z.object({ name: z.string(), people: z.number() });

const whole = await client.chat.completions.create({ model, messages: ask("Say something.") });

const pieces = [];
for await (const chunk of await client.chat.completions.create({ model, messages: ask("Say something."), stream: true })) {
  if (chunk.choices[0]?.delta.content) pieces.push(chunk.choices[0].delta.content);
}

const weather = { model, messages: ask("How is the weather in 'Zürich'?"), tools };
const calls = [
  (await client.chat.completions.create(weather)).choices[0],
  (await client.chat.completions.stream(weather).finalChatCompletion()).choices[0],
].map(({ message }) => message.tool_calls[0].function);

const parsed = await client.chat.completions.parse({
  model,
  messages: ask("Tell of 'Basel' and its 170000 people."),
  response_format: zodResponseFormat(City, "city"),
});

const refused = await client.chat.completions
  .create({ model: "no-such-model", messages: ask("Hi") })
  .then(() => 0, (error) => error.status);

console.log(
  JSON.stringify({
    whole: whole.choices[0].message.content,
    tokens: whole.usage.total_tokens,
    pieces,
    calls: calls.map((call) => ({ name: call.name, arguments: JSON.parse(call.arguments) })),
    city: parsed.choices[0].message.parsed,
    refused,
  }),
);
