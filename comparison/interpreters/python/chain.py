"""The three-branch chain in langchain-core, and by hand with asyncio.

Prints a line for each thing it measures: name, what, nanoseconds, divided by tabs.
"""

import asyncio
import os
import statistics
import time

for tracing in ("LANGCHAIN_TRACING_V2", "LANGSMITH_TRACING", "LANGCHAIN_TRACING"):
    os.environ[tracing] = "false"

from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.output_parsers import StrOutputParser
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableParallel, RunnablePassthrough

TOPIC = "The history of space exploration"
SUMMARY = "Summarize the following topic concisely:"
QUESTIONS = "Generate three interesting questions about the following topic:"
KEY_TERMS = "Identify 5-10 key terms from the following topic, separated by commas:"
ANSWER = "An answer of a plausible length, such as a small model would give."
STORY = "Tell a short story about {topic}."
SYNTHESIS = (
    "Based on the following information:\nSummary: {summary}\nRelated Questions: {questions}\n"
    "Key Terms: {key_terms}\nSynthesize a comprehensive answer."
)
ORIGINAL = "Original topic: {topic}"
CHUNKS, BATCH, AT_ONCE = 1_000, 10_000, 64
MEASURE_SECONDS, SLICES = 1.0, 10

heard = None


def asked(system, user):
    if heard is not None:
        heard.append((system, user))


class InProcess(BaseChatModel):
    @property
    def _llm_type(self):
        return "in-process"

    def _generate(self, messages, stop=None, run_manager=None, **kwargs):
        asked(messages[0].content, messages[-1].content)
        return ChatResult(generations=[ChatGeneration(message=AIMessage(content=ANSWER))])

    async def _agenerate(self, messages, stop=None, run_manager=None, **kwargs):
        return self._generate(messages)


class InWords(InProcess):
    async def _astream(self, messages, stop=None, run_manager=None, **kwargs):
        for _ in range(CHUNKS):
            chunk = ChatGenerationChunk(message=AIMessageChunk(content="word "))
            if run_manager:
                await run_manager.on_llm_new_token("word ", chunk=chunk)
            yield chunk


def three_branches():
    model = InProcess()

    def branch(task):
        return ChatPromptTemplate.from_messages([("system", task), ("user", "{topic}")]) | model | StrOutputParser()

    branches = RunnableParallel(
        summary=branch(SUMMARY),
        questions=branch(QUESTIONS),
        key_terms=branch(KEY_TERMS),
        topic=RunnablePassthrough(),
    )
    synthesis = ChatPromptTemplate.from_messages([("system", SYNTHESIS), ("user", ORIGINAL)])
    return branches | synthesis | model | StrOutputParser()


async def ask_by_hand(system, user):
    asked(system, user)
    return ANSWER


async def by_hand(topic):
    summary, questions, key_terms = await asyncio.gather(
        ask_by_hand(SUMMARY, topic), ask_by_hand(QUESTIONS, topic), ask_by_hand(KEY_TERMS, topic)
    )
    synthesis = SYNTHESIS.format(summary=summary, questions=questions, key_terms=key_terms)
    return await ask_by_hand(synthesis, ORIGINAL.format(topic=topic))


async def check_asked(name, work):
    global heard
    heard = []
    assert await work() == ANSWER, name
    synthesis = SYNTHESIS.format(summary=ANSWER, questions=ANSWER, key_terms=ANSWER)
    expected = [(task, TOPIC) for task in (SUMMARY, QUESTIONS, KEY_TERMS)] + [(synthesis, ORIGINAL.format(topic=TOPIC))]
    assert sorted(heard) == sorted(expected), f"{name} asks its model something else: {heard}"
    heard = None


async def measure(name, what, work, parts=1):
    runs, took = 1, 0.0
    while took < MEASURE_SECONDS / SLICES:
        runs *= 2
        start = time.perf_counter()
        for _ in range(runs):
            await work()
        took = time.perf_counter() - start
    slices = []
    for _ in range(SLICES):
        start = time.perf_counter()
        for _ in range(runs):
            await work()
        slices.append((time.perf_counter() - start) / runs)
    report(name, what, statistics.median(slices) / parts)


def report(name, what, seconds):
    print(f"{name}\t{what}\t{seconds * 1e9:.1f}", flush=True)


async def main():
    name = "asyncio by hand"
    await check_asked(name, lambda: by_hand(TOPIC))
    await measure(name, "invoke", lambda: by_hand(TOPIC))

    name = "langchain-core"
    chain = three_branches()
    # A passthrough gives the whole input on, so the input is the topic itself.
    await check_asked(name, lambda: chain.ainvoke(TOPIC))
    await measure(name, "invoke", lambda: chain.ainvoke(TOPIC))

    story = ChatPromptTemplate.from_template(STORY) | InWords() | StrOutputParser()

    async def read():
        chunks = 0
        async for _ in story.astream(TOPIC):
            chunks += 1
        assert CHUNKS <= chunks <= CHUNKS + 2, chunks

    await measure(name, "chunk", read, CHUNKS)

    start = time.perf_counter()
    answers = await chain.abatch([TOPIC] * BATCH, config={"max_concurrency": AT_ONCE})
    report(name, "batch", (time.perf_counter() - start) / BATCH)
    assert len(answers) == BATCH and set(answers) == {ANSWER}


asyncio.run(main())
