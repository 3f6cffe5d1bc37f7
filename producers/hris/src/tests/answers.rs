//! How senders are answered.

use super::bodies::{CURRENT, OLD, SOAP_11, SOAP_12, envelope, hire, items, person, read_as};
use crate::System::{Darwinbox, SuccessFactors, Workday};
use crate::body::Text;
use crate::xml::{self, Document, Element, Ns};
use crate::{AnswerShape, Contract, Limits, SoapVersion, soap_answer};

fn shape(body: &str) -> AnswerShape {
    read_as(SuccessFactors, body).unwrap().answer
}

#[test]
fn every_shape_of_an_external_event_is_read_alike_and_answered_in_its_own_shape() {
    let soap_11 = envelope(&hire("1", "P-1"));
    let bare =
        soap_11[soap_11.find("<e:ExternalEvent").unwrap()..soap_11.find("</S:Body>").unwrap()].to_owned();
    let no_prefix = bare.replace("<e:", "<").replace("</e:", "</").replace("xmlns:e", "xmlns");
    let qualified = soap_11.replace("name>", "e:name>").replace("value>", "e:value>");
    let unqualified =
        soap_11.replace("<e:", "<").replace("</e:", "</").replace("<ExternalEvent", "<e:ExternalEvent");
    let unqualified = unqualified.replace("</ExternalEvent>", "</e:ExternalEvent>");
    for (body, version) in [
        (soap_11.clone(), SoapVersion::Soap11),
        (soap_11.replace(SOAP_11, SOAP_12), SoapVersion::Soap12),
        (soap_11.replace("S:", "soapenv:").replace("xmlns:S", "xmlns:soapenv"), SoapVersion::Soap11),
        (qualified, SoapVersion::Soap11),
        (unqualified, SoapVersion::Soap11),
        (
            soap_11.replace("<S:Body>", "<S:Header><a:b xmlns:a=\"urn:a\"/></S:Header><S:Body>"),
            SoapVersion::Soap11,
        ),
        (bare.clone(), SoapVersion::Bare),
        (no_prefix, SoapVersion::Bare),
        (
            format!("<?xml version='1.0' encoding='utf-8' standalone='yes'?>\n<!-- x -->{bare}\n"),
            SoapVersion::Bare,
        ),
    ] {
        for (body, namespace) in
            [(body.clone(), Contract::Current), (body.replace(CURRENT, OLD), Contract::Old)]
        {
            assert_eq!(shape(&body), AnswerShape::Soap { version, namespace }, "{body}");
            assert_eq!(person(SuccessFactors, &body), "P-1", "{body}");
            assert_eq!(items(SuccessFactors, &body), items(SuccessFactors, &soap_11), "{body}");
        }
    }
}

fn child<'d>(document: &'d Document, parent: &'d Element, name: &str) -> &'d Element {
    document.children(parent).find(|child| &*child.local == name).unwrap()
}

/// The payload's namespace, status and message of an answer.
fn answered(answer: &[u8]) -> (Ns, String, Option<String>, Ns) {
    let text = std::str::from_utf8(answer).unwrap();
    let document = xml::parse(Text { text, skipped: 0 }, &Limits::push()).unwrap();
    let root = document.root();
    let response = match &*root.local {
        "Envelope" => child(&document, child(&document, root, "Body"), "ExternalEventResponse"),
        _ => root,
    };
    let payload = child(&document, response, "responsePayload");
    let status = child(&document, payload, "status");
    assert!(document.children(payload).all(|child| child.ns == response.ns));
    let message = document.children(payload).find(|child| &*child.local == "errorMessage");
    (response.ns, status.text.clone(), message.map(|message| message.text.clone()), root.ns)
}

#[test]
fn a_soap_answer_speaks_in_the_envelope_and_namespace_of_its_request() {
    for (version, envelope) in [(SoapVersion::Soap11, Ns::Soap11), (SoapVersion::Soap12, Ns::Soap12)] {
        for (namespace, ns, success) in
            [(Contract::Current, Ns::Current, "200"), (Contract::Old, Ns::Old, "0")]
        {
            let shape = AnswerShape::Soap { version, namespace };
            let (own, status, message, root) = answered(&soap_answer(&shape, Ok(())));
            assert_eq!((own, status.as_str(), message, root), (ns, success, None, envelope));
            let (own, status, message, _) = answered(&soap_answer(&shape, Err("<&\u{0}>\u{7}")));
            assert_eq!((own, status.as_str(), message.as_deref()), (ns, "500", Some("<& > ")));
        }
    }
    let bare = AnswerShape::Soap { version: SoapVersion::Bare, namespace: Contract::Old };
    assert_eq!(answered(&soap_answer(&bare, Ok(()))), (Ns::Old, "0".to_owned(), None, Ns::Old));
    assert_eq!(bare.content_type(), "text/xml; charset=utf-8");
    let current = AnswerShape::Soap { version: SoapVersion::Soap11, namespace: Contract::Current };
    let wanted = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><S:Envelope xmlns:S=\"http://schemas.xmlsoap.org/soap/envelope/\">\
        <S:Body><ns2:ExternalEventResponse xmlns:ns2=\"http://notification.event.successfactors.com\"><ns2:responsePayload>\
        <ns2:status>200</ns2:status><ns2:statusDetails>Success</ns2:statusDetails></ns2:responsePayload>\
        </ns2:ExternalEventResponse></S:Body></S:Envelope>";
    assert_eq!(String::from_utf8(soap_answer(&current, Ok(()))).unwrap(), wanted);
}

#[test]
fn a_body_that_cannot_be_read_is_answered_in_a_shape_that_its_sender_understands() {
    let of = |body: &str| AnswerShape::of_unreadable(SuccessFactors, None, body.as_bytes());
    let good = envelope(&hire("1", "P-1"));
    for body in [good.clone(), good.replace(SOAP_11, SOAP_12), good.replace(CURRENT, OLD)] {
        let cut = &body[..body.len() - 20];
        assert!(read_as(SuccessFactors, cut).is_err());
        assert_eq!(of(cut), shape(&body));
    }
    let soap_11 = AnswerShape::Soap { version: SoapVersion::Soap11, namespace: Contract::Current };
    assert_eq!(of(""), soap_11);
    assert_eq!(of("no XML at all"), soap_11);
    assert_eq!(of("{\"a\":"), AnswerShape::Json);
    assert_eq!(AnswerShape::of_unreadable(SuccessFactors, Some("application/json"), b"<"), AnswerShape::Json);
    let empty = AnswerShape::Empty { version: SoapVersion::Soap11 };
    assert_eq!(AnswerShape::of_unreadable(Workday, None, good.as_bytes()), empty);
    assert_eq!(AnswerShape::of_unreadable(Workday, None, b"<wd:Report_Data"), AnswerShape::Json);
    assert_eq!(AnswerShape::of_unreadable(SuccessFactors, Some("text/csv"), b"a,b"), AnswerShape::Json);
    assert_eq!(AnswerShape::of_unreadable(Darwinbox, None, b"\xFF"), AnswerShape::Json);
}
