//! Messages as a branch of a parallel that takes them.
//!
//! There is no `From` into JSON: a prompt behind a model would then compile, and be given an object of message fields
//! instead of its variables.

use anabranch_core::__private::PassesThrough;

use crate::ai::AiMessage;
use crate::message::Message;
use crate::messages::Messages;

impl PassesThrough for AiMessage {}
impl PassesThrough for Message {}
impl PassesThrough for Messages {}
