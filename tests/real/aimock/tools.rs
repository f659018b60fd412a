//! Calls, several at once, and their results.

use anabranch::messages::FinishKind;
use anabranch::models::{FunctionTool, ToolChoice};
use anabranch::prelude::*;

use super::{Aimock, Provider, added_up, read};

/// The weather in a city, now.
#[derive(Debug, PartialEq, serde::Deserialize, schemars::JsonSchema)]
struct Weather {
    city: String,
}

#[tokio::test]
async fn calls_in_parallel_are_read_and_their_results_go_back() {
    let Some(server) = Aimock::find("tools") else { return };
    for provider in Provider::ALL {
        let (llm, name) = server.alone(provider);
        let llm = llm.tools([FunctionTool::of::<Weather>()]);
        let (chunks, error) = read(&llm, "The weather in two cities?").await;
        assert!(error.is_none(), "{provider:?}: {error:?}");
        let whole = llm.invoke("The weather in two cities?").await.unwrap();
        for answer in [whole, added_up(&chunks)] {
            let calls = answer.tool_calls();
            let cities: Vec<String> = calls.iter().map(|call| call.arguments_as::<Weather>().unwrap().city).collect();
            assert_eq!(cities, ["Bremen", "Passau"], "{provider:?}");
            assert!(calls.iter().all(|call| call.name() == "weather"), "{provider:?}");
            assert!(!calls[0].id().is_empty() && calls[0].id() != calls[1].id(), "{provider:?}");
            let kind = answer.finish_reason().unwrap().kind();
            // These two say that they are done, calls or not.
            let expected = match provider {
                Provider::Responses | Provider::Ollama => FinishKind::Stop,
                _ => FinishKind::ToolCalls,
            };
            assert_eq!(kind, expected, "{provider:?}");

            let results = [ToolMessage::answer(&calls[0], "rain"), ToolMessage::answer(&calls[1], "sun, 24 degrees")];
            let mut conversation = vec![Message::user("The weather in two cities?"), answer.clone().into()];
            conversation.extend(results.map(Message::from));
            let conversation: Messages = conversation.into_iter().collect();
            let said = llm.invoke(conversation.clone()).await.unwrap();
            assert_eq!(said.text(), "Rain in Bremen, sun in Passau.", "{provider:?}");
            assert_eq!(llm.stream(conversation).collect().await.unwrap().text(), said.text(), "{provider:?}");
        }

        // As the server understood it: the calls, and each result for its call.
        let requests = server.requests(&name).await;
        assert_eq!(requests.len(), 6, "{provider:?}");
        let sent = &requests.last().unwrap()["body"];
        assert_eq!(sent["tools"][0]["function"]["name"], "weather", "{provider:?}");
        let messages = sent["messages"].as_array().unwrap();
        let calls: Vec<&serde_json::Value> =
            messages.iter().filter_map(|message| message["tool_calls"].as_array()).flatten().collect();
        assert_eq!(calls.len(), 2, "{provider:?}");
        let results: Vec<&serde_json::Value> = messages.iter().filter(|message| message["role"] == "tool").collect();
        assert_eq!(results.len(), 2, "{provider:?}");
        if provider != Provider::Ollama {
            let id = |value: &serde_json::Value, key: &str| value[key].as_str().unwrap_or_default().to_string();
            let asked: Vec<String> = calls.iter().map(|call| id(call, "id")).collect();
            let answered: Vec<String> = results.iter().map(|result| id(result, "tool_call_id")).collect();
            assert_eq!(asked, answered, "{provider:?}");
        }
    }
}

#[tokio::test]
async fn calls_are_values_of_a_type_behind_a_parser() {
    #[derive(Debug, PartialEq, serde::Deserialize, schemars::JsonSchema)]
    #[serde(rename_all = "snake_case")]
    enum Asked {
        Weather { city: String },
    }

    let Some(server) = Aimock::find("typed tools") else { return };
    for provider in Provider::ALL {
        let llm = server.model(provider).tools(FunctionTool::variants_of::<Asked>());
        let chain = llm | ToolCallsParser::<Asked>::new();
        let asked = chain.invoke("The weather in two cities?").await.unwrap();
        let cities = ["Bremen", "Passau"].map(|city| Asked::Weather { city: city.into() });
        assert_eq!(asked, cities, "{provider:?}");
    }
}

/// aimock calls what the fixture says; what is tried is that no server is sent what it refuses.
#[tokio::test]
async fn a_tool_can_be_demanded_where_the_provider_can_do_that() {
    let Some(server) = Aimock::find("tool choice") else { return };
    for provider in Provider::ALL {
        let llm = server.model(provider).tools([FunctionTool::of::<Weather>()]);
        for choice in [ToolChoice::Auto, ToolChoice::Required, ToolChoice::Function("weather".into())] {
            let demands = choice != ToolChoice::Auto;
            let llm = llm.tool_choice(choice).with_envelope();
            let answer = llm.invoke("The weather in two cities?").await.unwrap();
            assert_eq!(answer.message.tool_calls().len(), 2, "{provider:?}");
            let warned = answer.warnings().iter().any(|warning| warning.subject() == "tool_choice");
            let can = server.model(provider).capabilities().forced_tool_choice;
            assert_eq!(warned, demands && !can, "{provider:?}");
        }
    }
}
