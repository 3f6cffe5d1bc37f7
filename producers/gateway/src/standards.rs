//! ISO 4217 and BCP 47, as far as a tenant's creation asks: a misspelt currency would stand on screens for ever.

/// Codes of money in use (ISO 4217, list one, without funds, metals and tests).
const CURRENCIES: &str = "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF \
     CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG \
     HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD \
     MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF \
     SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS \
     VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG";

/// Whether money of this code is in use.
pub fn is_currency(code: &str) -> bool {
    code.len() == 3 && CURRENCIES.split_ascii_whitespace().any(|known| known == code)
}

/// Whether this is a well-formed BCP 47 tag (RFC 5646) of a language with, at most, script, region and variants.
pub fn is_locale(tag: &str) -> bool {
    let alphabetic = |part: &str| part.bytes().all(|b| b.is_ascii_alphabetic());
    let mut parts = tag.split('-').peekable();
    let language = parts.next().is_some_and(|part| (2..=3).contains(&part.len()) && alphabetic(part));
    parts.next_if(|part| part.len() == 4 && alphabetic(part));
    parts.next_if(|part| match part.len() {
        2 => alphabetic(part),
        3 => part.bytes().all(|b| b.is_ascii_digit()),
        _ => false,
    });
    let variant = |part: &str| {
        let long = (5..=8).contains(&part.len());
        let short = part.len() == 4 && part.starts_with(|c: char| c.is_ascii_digit());
        (long || short) && part.bytes().all(|b| b.is_ascii_alphanumeric())
    };
    language && parts.all(variant)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_currency_is_one_that_is_in_use() {
        for code in ["EUR", "USD", "INR", "JPY", "CHF", "ZWG"] {
            assert!(is_currency(code), "{code}");
        }
        for code in ["XYZ", "eur", "EURO", "", "XXX", "XTS", "EU R", "EUR USD"] {
            assert!(!is_currency(code), "{code}");
        }
    }

    #[test]
    fn a_locale_is_a_language_with_script_region_and_variants() {
        for tag in ["en", "de-DE", "zh-Hant-TW", "es-419", "sl-rozaj", "de-CH-1996", "gsw"] {
            assert!(is_locale(tag), "{tag}");
        }
        for tag in ["zz-zz-zz-1", "d", "de_DE", "", "de-", "de-DE-DE", "en-12", "english", "de-DE-1"] {
            assert!(!is_locale(tag), "{tag}");
        }
    }
}
