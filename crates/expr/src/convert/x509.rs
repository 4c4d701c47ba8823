//! The names of OpenSSL's errors of verification, for `ssl_c_err`, `ssl_c_ca_err` and `ssl_c_verify`.

use crate::args::Args;
use crate::rows::ConverterRow;
use crate::sample::{Sample, SampleType};
use crate::scope::Scope;

pub(super) static ROWS: &[ConverterRow] = &[ConverterRow::new(
    "x509_v_err_str",
    SampleType::Int,
    SampleType::Str,
    name,
    "The name of an error of verification, X509_V_ERR_CERT_HAS_EXPIRED for 10",
)];

/// By number, without their common beginning (OpenSSL's x509_vfy(3)).
static ERRORS: [&str; 76] = [
    "",
    "UNSPECIFIED",
    "UNABLE_TO_GET_ISSUER_CERT",
    "UNABLE_TO_GET_CRL",
    "UNABLE_TO_DECRYPT_CERT_SIGNATURE",
    "UNABLE_TO_DECRYPT_CRL_SIGNATURE",
    "UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY",
    "CERT_SIGNATURE_FAILURE",
    "CRL_SIGNATURE_FAILURE",
    "CERT_NOT_YET_VALID",
    "CERT_HAS_EXPIRED",
    "CRL_NOT_YET_VALID",
    "CRL_HAS_EXPIRED",
    "ERROR_IN_CERT_NOT_BEFORE_FIELD",
    "ERROR_IN_CERT_NOT_AFTER_FIELD",
    "ERROR_IN_CRL_LAST_UPDATE_FIELD",
    "ERROR_IN_CRL_NEXT_UPDATE_FIELD",
    "OUT_OF_MEM",
    "DEPTH_ZERO_SELF_SIGNED_CERT",
    "SELF_SIGNED_CERT_IN_CHAIN",
    "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
    "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
    "CERT_CHAIN_TOO_LONG",
    "CERT_REVOKED",
    "INVALID_CA",
    "PATH_LENGTH_EXCEEDED",
    "INVALID_PURPOSE",
    "CERT_UNTRUSTED",
    "CERT_REJECTED",
    "SUBJECT_ISSUER_MISMATCH",
    "AKID_SKID_MISMATCH",
    "AKID_ISSUER_SERIAL_MISMATCH",
    "KEYUSAGE_NO_CERTSIGN",
    "UNABLE_TO_GET_CRL_ISSUER",
    "UNHANDLED_CRITICAL_EXTENSION",
    "KEYUSAGE_NO_CRL_SIGN",
    "UNHANDLED_CRITICAL_CRL_EXTENSION",
    "INVALID_NON_CA",
    "PROXY_PATH_LENGTH_EXCEEDED",
    "KEYUSAGE_NO_DIGITAL_SIGNATURE",
    "PROXY_CERTIFICATES_NOT_ALLOWED",
    "INVALID_EXTENSION",
    "INVALID_POLICY_EXTENSION",
    "NO_EXPLICIT_POLICY",
    "DIFFERENT_CRL_SCOPE",
    "UNSUPPORTED_EXTENSION_FEATURE",
    "UNNESTED_RESOURCE",
    "PERMITTED_VIOLATION",
    "EXCLUDED_VIOLATION",
    "SUBTREE_MINMAX",
    "APPLICATION_VERIFICATION",
    "UNSUPPORTED_CONSTRAINT_TYPE",
    "UNSUPPORTED_CONSTRAINT_SYNTAX",
    "UNSUPPORTED_NAME_SYNTAX",
    "CRL_PATH_VALIDATION_ERROR",
    "PATH_LOOP",
    "SUITE_B_INVALID_VERSION",
    "SUITE_B_INVALID_ALGORITHM",
    "SUITE_B_INVALID_CURVE",
    "SUITE_B_INVALID_SIGNATURE_ALGORITHM",
    "SUITE_B_LOS_NOT_ALLOWED",
    "SUITE_B_CANNOT_SIGN_P_384_WITH_P_256",
    "HOSTNAME_MISMATCH",
    "EMAIL_MISMATCH",
    "IP_ADDRESS_MISMATCH",
    "DANE_NO_MATCH",
    "EE_KEY_TOO_SMALL",
    "CA_KEY_TOO_SMALL",
    "CA_MD_TOO_WEAK",
    "INVALID_CALL",
    "STORE_LOOKUP",
    "NO_VALID_SCTS",
    "PROXY_SUBJECT_NAME_VIOLATION",
    "OCSP_VERIFY_NEEDED",
    "OCSP_VERIFY_FAILED",
    "OCSP_CERT_UNKNOWN",
];

/// A number without a name stays a number.
fn name<'a>(input: Sample<'a>, _: &'a Args, _: &'a dyn Scope) -> Option<Sample<'a>> {
    let number = input.to_int()?;
    let known = usize::try_from(number).ok().and_then(|number| ERRORS.get(number));
    Some(Sample::owned(match known {
        Some(&"") => b"X509_V_OK".to_vec(),
        Some(name) => format!("X509_V_ERR_{name}").into_bytes(),
        None => number.to_string().into_bytes(),
    }))
}
