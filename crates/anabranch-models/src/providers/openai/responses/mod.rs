//! OpenAI's Responses API, and the servers that speak it: Azure, OpenRouter, xAI, llama.cpp, LM Studio.

pub(super) mod request;
mod response;
mod stream;

pub(super) use stream::Answer;
