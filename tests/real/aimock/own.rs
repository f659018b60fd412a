//! The provider that the guide builds, which aimock speaks, too.

#![expect(unreachable_pub, reason = "it is written as in a crate of its own")]

use std::time::Duration;

use anabranch::ErrorKind;
use anabranch::messages::FinishKind;
use anabranch::models::FunctionTool;
use anabranch::models::transport::Connection;
use anabranch::prelude::*;
use serde_json::json;

use super::{Aimock, added_up, read};

#[path = "../../own_provider/cohere.rs"]
mod cohere;

fn model(server: &Aimock) -> ChatModel {
    cohere::cohere("command-a-03-2025", "key-of-nobody", Connection::new().base_url(&server.url)).unwrap()
}

#[tokio::test]
async fn the_provider_of_the_guide_answers_calls_and_fails() {
    let Some(server) = Aimock::find("the guide's provider") else { return };
    let llm = model(&server);

    let (chunks, error) = read(&llm, "What is a side arm?").await;
    assert!(error.is_none() && chunks.len() > 5, "{error:?}");
    for answer in [llm.invoke("What is a side arm?").await.unwrap(), added_up(&chunks)] {
        assert!(answer.text().starts_with("An anabranch"), "{}", answer.text());
        assert_eq!(answer.finish_reason().unwrap().kind(), FinishKind::Stop);
        assert_eq!(answer.usage().unwrap().total_tokens(), 27);
    }

    let parameters = json!({"type": "object", "properties": {"city": {"type": "string"}}});
    let caller = llm.tools([FunctionTool::new("weather", parameters)]);
    let (chunks, error) = read(&caller, "The weather in two cities?").await;
    assert!(error.is_none(), "{error:?}");
    for answer in [caller.invoke("The weather in two cities?").await.unwrap(), added_up(&chunks)] {
        let calls = answer.tool_calls().to_vec();
        assert_eq!(
            calls.iter().map(|call| call.arguments().unwrap()["city"].clone()).collect::<Vec<_>>(),
            ["Bremen", "Passau"]
        );
        assert_eq!(answer.finish_reason().unwrap().kind(), FinishKind::ToolCalls);
        let results = [ToolMessage::answer(&calls[0], "rain"), ToolMessage::answer(&calls[1], "sun, 24 degrees")];
        let mut conversation = vec![Message::user("The weather in two cities?"), answer.into()];
        conversation.extend(results.map(Message::from));
        let said = caller.invoke(conversation.into_iter().collect::<Messages>()).await.unwrap();
        assert_eq!(said.text(), "Rain in Bremen, sun in Passau.");
    }

    let error = llm.invoke("Limit me").await.unwrap_err();
    assert_eq!((error.kind(), error.retry_after()), (ErrorKind::RateLimited, Some(Duration::from_secs(2))));
    let (chunks, error) = read(&llm, "Cut me after some chunks").await;
    assert!(error.unwrap().is_retryable() && !added_up(&chunks).text().is_empty());
}
