//! Looking into a document by local names of one namespace.

use super::{Attribute, Document, Element, Ns};
use crate::malformed::{Code, Malformed};
use crate::mapping::{Path, selection};
use crate::named::Value;
use crate::row::{Row, Scalar};

/// A document whose names are looked up in one namespace, or in none.
#[derive(Clone, Copy)]
pub(crate) struct Tree<'d> {
    pub(crate) document: &'d Document,
    pub(crate) ns: Ns,
}

impl<'d> Tree<'d> {
    /// Every child of that name. The name in a foreign namespace is refused: it only pretends.
    pub(crate) fn all(
        &self,
        parent: &'d Element,
        name: &str,
        at: &str,
    ) -> Result<Vec<&'d Element>, Malformed> {
        let mut found = Vec::new();
        for child in self.document.children(parent).filter(|child| &*child.local == name) {
            if child.ns != self.ns && child.ns != Ns::None {
                let what = "a known name in a foreign namespace";
                return Err(Malformed::new(Code::WrongNamespace, what, format!("{at}/{name}")));
            }
            found.push(child);
        }
        Ok(found)
    }

    /// The only child of that name.
    pub(crate) fn one(
        &self,
        parent: &'d Element,
        name: &str,
        at: &str,
    ) -> Result<Option<&'d Element>, Malformed> {
        let found = self.all(parent, name, at)?;
        match found.as_slice() {
            [] => Ok(None),
            [one] => Ok(Some(one)),
            _ => {
                let what = "an element twice where one belongs";
                Err(Malformed::new(Code::DuplicateMember, what, format!("{at}/{name}")))
            }
        }
    }

    /// The only element at those names from a parent.
    pub(crate) fn find(&self, parent: &'d Element, names: &[&str]) -> Result<Option<&'d Element>, Malformed> {
        let mut element = parent;
        let mut at = String::new();
        for name in names {
            match self.one(element, name, &at)? {
                Some(child) => element = child,
                None => return Ok(None),
            }
            at.push('/');
            at.push_str(name);
        }
        Ok(Some(element))
    }

    /// The value at those names, or why there can be none. What is absent, or said to be nil, is `None`.
    pub(crate) fn value(&self, parent: &'d Element, names: &[&str]) -> Option<Value<'d>> {
        match self.find(parent, names) {
            Ok(Some(element)) if is_nil(element) => None,
            Ok(Some(element)) => Some(plain(element, &format!("/{}", names.join("/"))).map(Scalar::Text)),
            Ok(None) => None,
            Err(fault) => Some(Err(fault)),
        }
    }

    /// The text at those names, where there is one that can be read.
    pub(crate) fn text(&self, parent: &'d Element, names: &[&str]) -> Option<&'d str> {
        match self.value(parent, names) {
            Some(Ok(Scalar::Text(text))) => Some(text.trim()).filter(|text| !text.is_empty()),
            _ => None,
        }
    }

    /// Whether the text at those names is XML's truth.
    pub(crate) fn is_true(&self, parent: &'d Element, names: &[&str]) -> bool {
        matches!(self.text(parent, names), Some("true" | "1"))
    }

    /// An attribute of the element's own namespace or of none.
    pub(crate) fn attribute(&self, element: &'d Element, name: &str) -> Option<&'d Attribute> {
        let mut own = element.attributes.iter().filter(|attribute| &*attribute.local == name);
        own.find(|attribute| attribute.ns == Ns::None || attribute.ns == self.ns)
    }
}

/// Whether an element says of itself that it has no value.
fn is_nil(element: &Element) -> bool {
    let nil = element.attributes.iter().find(|own| own.ns == Ns::Xsi && &*own.local == "nil");
    nil.is_some_and(|own| matches!(&*own.value, "true" | "1"))
}

/// The character data of a leaf. SuccessFactors' Compound Employee puts what a value was before into an element inside
/// of it: that is not a part of the value.
pub(crate) fn plain<'d>(element: &'d Element, at: &str) -> Result<&'d str, Malformed> {
    if element.interrupted {
        let what = "a comment or processing instruction inside a value; send the value alone";
        return Err(Malformed::new(Code::MarkupInValue, what, at));
    }
    if !element.children.is_empty() && element.ns != Ns::SfApi {
        return Err(Malformed::new(Code::NotAPlainValue, "elements where a plain value belongs", at));
    }
    Ok(&element.text)
}

/// A record as named values: `/Name/Other` goes down by local names, `/Name/@Attribute` ends at an attribute,
/// `/ID/[@type=WID]` takes of several the one whose attribute, or child, has that value, `/Name/0` the first.
pub(crate) struct XmlRow<'d> {
    pub(crate) tree: Tree<'d>,
    pub(crate) element: &'d Element,
}

/// Where a path has led to.
enum Place<'d> {
    Elements(Vec<&'d Element>),
    Attribute(&'d str),
}

impl<'d> XmlRow<'d> {
    fn walk(&self, path: &Path) -> Result<Place<'d>, Malformed> {
        let mut places = vec![self.element];
        let mut names = path.names().iter();
        let mut first = true;
        while let Some(name) = names.next() {
            if let Some((wanted, value)) = selection(name) {
                places.retain(|element| self.has(element, wanted, value));
                continue;
            }
            if let (false, Ok(index)) = (first, name.parse::<usize>()) {
                places = places.get(index).copied().into_iter().collect();
                continue;
            }
            first = false;
            let [only] = places.as_slice() else {
                return if places.is_empty() { Ok(Place::Elements(places)) } else { Err(several(path)) };
            };
            if let Some(attribute) = name.strip_prefix('@') {
                let found = self.tree.attribute(only, attribute).map(|found| &*found.value);
                return Ok(match (found, names.next()) {
                    (Some(value), None) => Place::Attribute(value),
                    _ => Place::Elements(Vec::new()),
                });
            }
            places = match self.tree.all(only, name, "") {
                Ok(found) => found,
                Err(fault) => return Err(Malformed { at: path.as_str().to_owned(), ..fault }),
            };
        }
        Ok(Place::Elements(places))
    }

    fn has(&self, element: &'d Element, wanted: &str, value: &str) -> bool {
        match wanted.strip_prefix('@') {
            Some(name) => self.tree.attribute(element, name).is_some_and(|own| own.value.trim() == value),
            None => self.tree.text(element, &[wanted]) == Some(value),
        }
    }
}

fn several(path: &Path) -> Malformed {
    let what =
        "several elements where one belongs; correct the report, or say in the mapping which one counts";
    Malformed::new(Code::DuplicateMember, what, path.as_str())
}

impl Row for XmlRow<'_> {
    fn scalar(&self, path: &Path) -> Result<Option<Scalar<'_>>, Malformed> {
        match self.walk(path)? {
            Place::Attribute(value) => Ok(Some(Scalar::Text(value))),
            Place::Elements(found) => match found.as_slice() {
                [] => Ok(None),
                [element] if is_nil(element) => Ok(None),
                [element] => plain(element, path.as_str()).map(|text| Some(Scalar::Text(text))),
                _ => Err(several(path)),
            },
        }
    }

    fn all(&self, path: &Path) -> Result<Vec<Scalar<'_>>, Malformed> {
        match self.walk(path)? {
            Place::Attribute(value) => Ok(vec![Scalar::Text(value)]),
            Place::Elements(found) => {
                let present = found.into_iter().filter(|element| !is_nil(element));
                present.map(|element| plain(element, path.as_str()).map(Scalar::Text)).collect()
            }
        }
    }
}
