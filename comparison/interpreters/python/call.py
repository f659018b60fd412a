"""One streamed call with langchain-openai."""

import asyncio
import sys

from langchain_openai import ChatOpenAI


async def main():
    model = ChatOpenAI(model="tiny", base_url=sys.argv[1], api_key="none")
    async for chunk in model.astream("Count to three."):
        print(chunk.content, end="", flush=True)


asyncio.run(main())
