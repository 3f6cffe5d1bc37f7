//! Deliveries for the tests, made of parts.

use crate::{Code, Delivery, Limits, Malformed, Profile, Report, System, read};

pub(crate) const CURRENT: &str = "http://notification.event.successfactors.com";
pub(crate) const OLD: &str = "com.successfactors.event.notification";
pub(crate) const SOAP_11: &str = "http://schemas.xmlsoap.org/soap/envelope/";
pub(crate) const SOAP_12: &str = "http://www.w3.org/2003/05/soap-envelope";

/// One hire of `person` with a source id.
pub(crate) fn hire(source_id: &str, person: &str) -> String {
    format!(
        "<e:event><e:eventId>{source_id}</e:eventId><e:entityType>EmpJob</e:entityType>\
         <e:effectiveStartDate>2026-03-02</e:effectiveStartDate><e:publishedAt>1772438400123</e:publishedAt>\
         <e:entityKeys><e:entityKey><name>userId</name><value>700101</value></e:entityKey></e:entityKeys>\
         <e:params><e:param><name>personIdExternal</name><value>{person}</value></e:param></e:params></e:event>"
    )
}

/// A delivery of the current contract in SOAP 1.1.
pub(crate) fn envelope(items: &str) -> String {
    format!(
        "<S:Envelope xmlns:S=\"{SOAP_11}\"><S:Body><e:ExternalEvent xmlns:e=\"{CURRENT}\"><e:externalEventMeta>\
         <e:type>com.successfactors.Employment.AssignmentInformation.Hire</e:type></e:externalEventMeta>\
         <e:events>{items}</e:events></e:ExternalEvent></S:Body></S:Envelope>"
    )
}

/// A RaaS answer with those rows.
pub(crate) fn report(rows: &str) -> String {
    format!("{{\"Report_Entry\":[{rows}]}}")
}

pub(crate) fn read_as(system: System, body: impl AsRef<[u8]>) -> Result<Delivery, Malformed> {
    read(&Profile::default_for(system), None, body.as_ref(), &Limits::push())
}

/// Why the whole body is refused.
pub(crate) fn refusal(system: System, body: impl AsRef<[u8]>) -> Code {
    match read_as(system, body) {
        Err(fault) => fault.code,
        Ok(delivery) => panic!("read as {delivery:?}"),
    }
}

/// What each item says, or why it is set aside.
pub(crate) fn items(system: System, body: impl AsRef<[u8]>) -> Vec<Result<Report, Code>> {
    let delivery = read_as(system, body).unwrap();
    delivery.items.into_iter().map(|item| item.outcome.map_err(|fault| fault.code)).collect()
}

/// Why the only item is set aside.
pub(crate) fn set_aside(system: System, body: impl AsRef<[u8]>) -> Code {
    let mut items = items(system, body);
    assert_eq!(items.len(), 1);
    items.remove(0).unwrap_err()
}

/// The person of the only item.
pub(crate) fn person(system: System, body: impl AsRef<[u8]>) -> String {
    let mut items = items(system, body);
    assert_eq!(items.len(), 1);
    match items.remove(0) {
        Ok(Report::Milestone(report)) => report.person.to_string(),
        Ok(Report::Worker(report)) => report.person.to_string(),
        other => panic!("{other:?}"),
    }
}
