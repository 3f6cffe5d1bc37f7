//! Reading what an older schema wrote: `apache-avro` with the writer's schema, serde's defaults for what it lacks.

use apache_avro::reader::datum::GenericDatumReader;
use serde::de::DeserializeOwned;

/// Reads a whole datum with its writer's schema; nothing may follow. The error's text holds no value of the datum.
pub(crate) fn read_datum<T: DeserializeOwned>(
    writer: &GenericDatumReader<'_>,
    datum: &[u8],
) -> Result<T, String> {
    let mut rest = datum;
    let body = writer.read_deser(&mut rest).map_err(|_| "not a datum of its schema".to_owned())?;
    if rest.is_empty() { Ok(body) } else { Err(format!("{} bytes follow the value", rest.len())) }
}
