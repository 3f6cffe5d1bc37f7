//! Mappings that say only where they differ.

use serde::Deserialize as _;
use serde_json::{Map, Value};

use super::{Mapping, System};

/// The member that says over what a mapping is laid.
const EXTENDS: &str = "extends";

impl Mapping {
    /// The mapping of a connection's configuration. With `"extends": "default"` it is laid over the system's default as
    /// a JSON merge patch (RFC 7396: members replace, `null` removes, lists are replaced whole); a variant's mapping
    /// may say `"extends": "base"` and is laid over the mapping that it belongs to.
    ///
    /// # Errors
    /// Where it is no mapping, in serde's words. What is readable and makes no sense is told by [`Mapping::faults`].
    pub fn from_json(system: System, body: &Value) -> Result<Mapping, serde_json::Error> {
        let mut body = over(body, system, None)?;
        let variants = body.as_object_mut().and_then(|members| members.remove("variants"));
        let base = body.clone();
        if let (Some(Value::Array(variants)), Some(members)) = (variants, body.as_object_mut()) {
            let whole: Result<Vec<Value>, serde_json::Error> =
                variants.into_iter().map(|variant| whole_variant(variant, system, &base)).collect();
            members.insert("variants".to_owned(), Value::Array(whole?));
        }
        Mapping::deserialize(body)
    }
}

fn whole_variant(mut variant: Value, system: System, base: &Value) -> Result<Value, serde_json::Error> {
    if let Some(mapping) = variant.get_mut("mapping") {
        *mapping = over(mapping, system, Some(base))?;
    }
    Ok(variant)
}

/// A mapping laid over what it extends.
fn over(body: &Value, system: System, base: Option<&Value>) -> Result<Value, serde_json::Error> {
    let mut patch = body.clone();
    let extends = patch.as_object_mut().and_then(|members| members.remove(EXTENDS));
    let mut below = match (extends.as_ref().map(Value::as_str), base) {
        (None, _) => return Ok(patch),
        (Some(Some("default")), _) => serde_json::to_value(Mapping::default_for(system))?,
        (Some(Some("base")), Some(base)) => base.clone(),
        _ => {
            let what = "`extends` is \"default\", in a variant also \"base\"";
            return Err(serde::de::Error::custom(what));
        }
    };
    merge(&mut below, patch);
    Ok(below)
}

/// RFC 7396.
fn merge(below: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *below = patch;
        return;
    };
    if !below.is_object() {
        *below = Value::Object(Map::new());
    }
    let Some(members) = below.as_object_mut() else { return };
    for (name, value) in patch {
        if value.is_null() {
            members.remove(&name);
        } else {
            merge(members.entry(name).or_insert(Value::Null), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::mapping::{DateFormat, WorkerField};

    #[test]
    fn a_mapping_says_only_where_it_differs_from_the_default() {
        let body = json!({"extends": "default", "id": "/Employee_Number", "dates": ["mdy"],
            "worker": {"fields": {"email": null, "hire": ["/Start"]}}});
        let mapping = Mapping::from_json(System::Workday, &body).unwrap();
        let mut wanted = Mapping::default_for(System::Workday);
        wanted.id = "/Employee_Number".parse().unwrap();
        wanted.dates = vec![DateFormat::Mdy];
        let fields = &mut wanted.worker.as_mut().unwrap().fields;
        fields.remove(&WorkerField::Email);
        fields.insert(WorkerField::Hire, vec!["/Start".parse().unwrap()]);
        assert_eq!(mapping, wanted);
        let whole = serde_json::to_value(&mapping).unwrap();
        assert_eq!(Mapping::from_json(System::Workday, &whole).unwrap(), mapping);
    }

    #[test]
    fn a_variant_is_laid_over_its_base_or_the_default() {
        let body = json!({"extends": "default", "id": "/n", "variants": [
            {"name": "a", "mapping": {"extends": "base", "dates": ["dmy"]}},
            {"name": "b", "mapping": {"extends": "default"}},
            {"name": "c", "mapping": {"id": "/c", "dates": ["iso"], "hint": {"entity": "Worker"}}}]});
        let mapping = Mapping::from_json(System::Darwinbox, &body).unwrap();
        let ids: Vec<&str> = mapping.variants.iter().map(|variant| variant.mapping.id.as_str()).collect();
        assert_eq!(ids, ["/n", "/employee_id", "/c"]);
        assert_eq!(mapping.variants[0].mapping.dates, [DateFormat::Dmy]);
        assert_eq!(mapping.faults(), []);
    }

    #[test]
    fn nonsense_in_extends_is_refused() {
        for body in [
            json!({"extends": "base", "id": "/a", "dates": ["iso"]}),
            json!({"extends": 1}),
            json!({"extends": "default", "idd": "/a"}),
            json!(["extends"]),
            json!({"extends": "default", "variants": [{"name": "a", "mapping": {"extends": "other"}}]}),
        ] {
            assert!(Mapping::from_json(System::Workday, &body).is_err(), "{body}");
        }
    }
}
