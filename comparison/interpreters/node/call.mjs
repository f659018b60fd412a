// One streamed call with @langchain/openai.

import { ChatOpenAI } from "@langchain/openai";

const model = new ChatOpenAI({ model: "tiny", apiKey: "none", configuration: { baseURL: process.argv[2] } });
for await (const chunk of await model.stream("Count to three.")) process.stdout.write(chunk.content);
