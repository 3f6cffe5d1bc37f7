//! What a sender is told. SuccessFactors wants its own response, in the envelope and namespace of its request.

use crate::mapping::System;
use crate::report::{AnswerShape, Contract, SoapVersion};
use crate::xml::{CURRENT, OLD, SOAP_11, SOAP_12};

impl AnswerShape {
    /// The shape for a body that could not be read, by what can be recognised of it: such a body gets its success and
    /// a dead letter, in a form that its sender understands.
    pub fn of_unreadable(system: System, content_type: Option<&str>, body: &[u8]) -> AnswerShape {
        const LOOKED_AT: usize = 8_192;
        let head = &body[..body.len().min(LOOKED_AT)];
        let first = head.iter().find(|byte| !byte.is_ascii_whitespace());
        let declared = content_type.is_some_and(|value| value.to_ascii_lowercase().contains("json"));
        if system == System::Darwinbox || declared || matches!(first, Some(b'{' | b'[')) {
            return AnswerShape::Json;
        }
        let holds = |needle: &str| head.windows(needle.len()).any(|window| window == needle.as_bytes());
        if system == System::Workday {
            return match (holds(SOAP_12), holds(SOAP_11)) {
                (true, _) => AnswerShape::Empty { version: SoapVersion::Soap12 },
                (_, true) => AnswerShape::Empty { version: SoapVersion::Soap11 },
                _ => AnswerShape::Json,
            };
        }
        // A table is sent by no SOAP client.
        let table = content_type.is_some_and(|value| value.to_ascii_lowercase().contains("csv"));
        if table {
            return AnswerShape::Json;
        }
        let version = if holds(SOAP_12) {
            SoapVersion::Soap12
        } else if !holds(SOAP_11) && holds("ExternalEvent") {
            SoapVersion::Bare
        } else {
            SoapVersion::Soap11
        };
        let namespace = if !holds(CURRENT) && holds(OLD) { Contract::Old } else { Contract::Current };
        AnswerShape::Soap { version, namespace }
    }

    /// The `Content-Type` of an answer in this shape.
    pub fn content_type(&self) -> &'static str {
        match self {
            AnswerShape::Json => "application/json",
            AnswerShape::Soap { version: SoapVersion::Soap12, .. }
            | AnswerShape::Empty { version: SoapVersion::Soap12 } => "application/soap+xml; charset=utf-8",
            AnswerShape::Soap { .. } | AnswerShape::Empty { .. } => "text/xml; charset=utf-8",
        }
    }
}

/// SuccessFactors' `ExternalEventResponse` in the sender's shape: its success (status 200, of the old contract 0), or
/// status 500 with a message that is escaped here. It carries no date: the contract does not ask for one. For
/// [`AnswerShape::Json`], which no SOAP sender has, the current contract in a SOAP 1.1 envelope. A notification that
/// knows no answer gets an empty body, whatever the status.
pub fn soap_answer(shape: &AnswerShape, status: Result<(), &str>) -> Vec<u8> {
    let (version, namespace) = match shape {
        AnswerShape::Soap { version, namespace } => (*version, *namespace),
        AnswerShape::Empty { version } => return enveloped(*version, ""),
        AnswerShape::Json => (SoapVersion::Soap11, Contract::Current),
    };
    enveloped(version, &response(namespace, status))
}

fn enveloped(version: SoapVersion, response: &str) -> Vec<u8> {
    let envelope = match version {
        SoapVersion::Soap11 => SOAP_11,
        SoapVersion::Soap12 => SOAP_12,
        SoapVersion::Bare => return format!("{DECLARATION}{response}").into_bytes(),
    };
    format!("{DECLARATION}<S:Envelope xmlns:S=\"{envelope}\"><S:Body>{response}</S:Body></S:Envelope>")
        .into_bytes()
}

const DECLARATION: &str = r#"<?xml version="1.0" encoding="UTF-8"?>"#;

/// The response with qualified children under the current contract, and under the old one by a default namespace, as
/// receivers in the field answer each.
fn response(namespace: Contract, status: Result<(), &str>) -> String {
    let (prefix, declaration, success) = match namespace {
        Contract::Current => ("ns2:", format!("xmlns:ns2=\"{CURRENT}\""), "200"),
        Contract::Old => ("", format!("xmlns=\"{OLD}\""), "0"),
    };
    let element = |name: &str, text: &str| format!("<{prefix}{name}>{text}</{prefix}{name}>");
    let payload = match status {
        Ok(()) => [element("status", success), element("statusDetails", "Success")].concat(),
        Err(message) => {
            let message = quick_xml::escape::escape(legal(message));
            [element("errorCode", "500"), element("errorMessage", &message), element("status", "500")]
                .concat()
        }
    };
    let payload = element("responsePayload", &payload);
    format!("<{prefix}ExternalEventResponse {declaration}>{payload}</{prefix}ExternalEventResponse>")
}

/// The message without what no XML document may hold.
fn legal(message: &str) -> String {
    message
        .chars()
        .map(|c| if c.is_control() || matches!(c, '\u{FFFE}' | '\u{FFFF}') { ' ' } else { c })
        .collect()
}
