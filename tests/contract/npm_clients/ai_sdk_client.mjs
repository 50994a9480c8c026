// Vercel's AI SDK as a client of the gateway; prints what it got as JSON.
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateText, Output, streamText, tool } from "ai";
import { z } from "zod";

const gateway = createOpenAICompatible({
  name: "gateway",
  baseURL: process.env.GATEWAY_URL,
  includeUsage: true,
  supportsStructuredOutputs: true,
});
const model = gateway(process.env.GATEWAY_MODEL);
const tools = { get_weather: tool({ description: "Tells the weather.", inputSchema: z.object({ city: z.string() }) }) };
const City = z.object({ name: z.string(), people: z.number() });

const whole = await generateText({ model, prompt: "Say something.", maxRetries: 0 });

const stream = streamText({ model, prompt: "Say something.", maxRetries: 0 });
const pieces = [];
for await (const piece of stream.textStream) pieces.push(piece);

const weather = { model, tools, prompt: "How is the weather in 'Zürich'?", maxRetries: 0 };
const streamed = streamText(weather);
await streamed.consumeStream();
const calls = [...(await generateText(weather)).toolCalls, ...(await streamed.toolCalls)];

const typed = await generateText({
  model,
  prompt: "Tell of 'Basel' and its 170000 people.",
  output: Output.object({ schema: City }),
  maxRetries: 0,
});

const refused = await generateText({ model: gateway("no-such-model"), prompt: "Hi", maxRetries: 0 }).then(
  () => 0,
  (error) => error.statusCode,
);

console.log(
  JSON.stringify({
    whole: whole.text,
    tokens: (await stream.usage).totalTokens,
    pieces,
    calls: calls.map((call) => ({ name: call.toolName, arguments: call.input })),
    city: typed.output,
    refused,
  }),
);
