// The three-branch chain in @langchain/core, and by hand with promises.
//
// Prints a line for each thing it measures: name, what, nanoseconds, divided by tabs.

for (const tracing of ["LANGCHAIN_TRACING_V2", "LANGSMITH_TRACING", "LANGCHAIN_TRACING"]) {
  process.env[tracing] = "false";
}

import { BaseChatModel } from "@langchain/core/language_models/chat_models";
import { AIMessage, AIMessageChunk } from "@langchain/core/messages";
import { StringOutputParser } from "@langchain/core/output_parsers";
import { ChatGenerationChunk } from "@langchain/core/outputs";
import { ChatPromptTemplate } from "@langchain/core/prompts";
import { RunnableParallel, RunnablePick } from "@langchain/core/runnables";

const TOPIC = "The history of space exploration";
const SUMMARY = "Summarize the following topic concisely:";
const QUESTIONS = "Generate three interesting questions about the following topic:";
const KEY_TERMS = "Identify 5-10 key terms from the following topic, separated by commas:";
const ANSWER = "An answer of a plausible length, such as a small model would give.";
const STORY = "Tell a short story about {topic}.";
const synthesisOf = (summary, questions, keyTerms) =>
  `Based on the following information:\nSummary: ${summary}\nRelated Questions: ${questions}\n` +
  `Key Terms: ${keyTerms}\nSynthesize a comprehensive answer.`;
const ORIGINAL = "Original topic: {topic}";
const [CHUNKS, BATCH, AT_ONCE] = [1_000, 10_000, 64];
const [MEASURE_MS, SLICES] = [1_000, 10];

let heard = null;
const asked = (system, user) => heard?.push(`${system}\n${user}`);

class InProcess extends BaseChatModel {
  constructor() {
    super({});
  }
  _llmType() {
    return "in-process";
  }
  async _generate(messages) {
    asked(messages[0].content, messages.at(-1).content);
    return { generations: [{ text: ANSWER, message: new AIMessage(ANSWER) }] };
  }
}

class InWords extends InProcess {
  async *_streamResponseChunks(_messages, _options, runManager) {
    for (let left = CHUNKS; left > 0; left--) {
      const chunk = new ChatGenerationChunk({ text: "word ", message: new AIMessageChunk({ content: "word " }) });
      yield chunk;
      await runManager?.handleLLMNewToken("word ", undefined, undefined, undefined, undefined, { chunk });
    }
  }
}

function threeBranches() {
  const model = new InProcess();
  const branch = (task) =>
    ChatPromptTemplate.fromMessages([["system", task], ["user", "{topic}"]]).pipe(model).pipe(new StringOutputParser());
  const branches = RunnableParallel.from({
    summary: branch(SUMMARY),
    questions: branch(QUESTIONS),
    key_terms: branch(KEY_TERMS),
    // A passthrough would give the whole object on.
    topic: new RunnablePick("topic"),
  });
  const synthesis = ChatPromptTemplate.fromMessages([
    ["system", synthesisOf("{summary}", "{questions}", "{key_terms}")],
    ["user", ORIGINAL],
  ]);
  return branches.pipe(synthesis).pipe(model).pipe(new StringOutputParser());
}

async function askByHand(system, user) {
  asked(system, user);
  return ANSWER;
}

async function byHand(topic) {
  const tasks = [SUMMARY, QUESTIONS, KEY_TERMS].map((task) => askByHand(task, topic));
  return askByHand(synthesisOf(...(await Promise.all(tasks))), ORIGINAL.replace("{topic}", topic));
}

async function checkAsked(name, work) {
  heard = [];
  const answer = await work();
  const branches = [SUMMARY, QUESTIONS, KEY_TERMS].map((task) => `${task}\n${TOPIC}`);
  const last = `${synthesisOf(ANSWER, ANSWER, ANSWER)}\n${ORIGINAL.replace("{topic}", TOPIC)}`;
  const same = JSON.stringify(heard.sort()) === JSON.stringify([...branches, last].sort());
  if (answer !== ANSWER || !same) throw new Error(`${name} asks its model something else: ${heard}`);
  heard = null;
}

const report = (name, what, ms) => console.log(`${name}\t${what}\t${(ms * 1e6).toFixed(1)}`);

async function measure(name, what, work, parts = 1) {
  const many = async (runs) => {
    const start = performance.now();
    for (let left = runs; left > 0; left--) await work();
    return performance.now() - start;
  };
  let runs = 1;
  while ((await many(runs)) < MEASURE_MS / SLICES) runs *= 2;
  const slices = [];
  for (let left = SLICES; left > 0; left--) slices.push((await many(runs)) / runs);
  report(name, what, slices.sort((a, b) => a - b)[SLICES >> 1] / parts);
}

await checkAsked("promises by hand", () => byHand(TOPIC));
await measure("promises by hand", "invoke", () => byHand(TOPIC));

const name = "@langchain/core";
const chain = threeBranches();
await checkAsked(name, () => chain.invoke({ topic: TOPIC }));
await measure(name, "invoke", () => chain.invoke({ topic: TOPIC }));

const story = ChatPromptTemplate.fromTemplate(STORY).pipe(new InWords()).pipe(new StringOutputParser());
const read = async () => {
  let chunks = 0;
  for await (const _ of await story.stream({ topic: TOPIC })) chunks++;
  if (chunks < CHUNKS || chunks > CHUNKS + 2) throw new Error(`${chunks} chunks came`);
};
await measure(name, "chunk", read, CHUNKS);

const start = performance.now();
const answers = await chain.batch(Array(BATCH).fill({ topic: TOPIC }), {}, { maxConcurrency: AT_ONCE });
report(name, "batch", (performance.now() - start) / BATCH);
if (answers.length !== BATCH || answers.some((answer) => answer !== ANSWER)) throw new Error("answers of a batch");
