//! AES for expressions (`aes_gcm_dec` and its like). Nothing of TLS: it stands here because this crate has the library.

use aws_lc_rs::aead::{
    AES_128_GCM, AES_192_GCM, AES_256_GCM, Aad, Algorithm, LessSafeKey, Nonce, UnboundKey,
};
use aws_lc_rs::cipher::{
    AES_128, AES_192, AES_256, Algorithm as BlockCipher, DecryptionContext, EncryptionContext,
    PaddedBlockDecryptingKey, PaddedBlockEncryptingKey, UnboundCipherKey,
};
use aws_lc_rs::iv::FixedLength;

const TAG: usize = 16;

fn gcm(key: &[u8]) -> Option<LessSafeKey> {
    let algorithm: &Algorithm = match key.len() {
        16 => &AES_128_GCM,
        24 => &AES_192_GCM,
        32 => &AES_256_GCM,
        _ => return None,
    };
    UnboundKey::new(algorithm, key).ok().map(LessSafeKey::new)
}

fn block(key: &[u8]) -> Option<UnboundCipherKey> {
    let cipher: &'static BlockCipher = match key.len() {
        16 => &AES_128,
        24 => &AES_192,
        32 => &AES_256,
        _ => return None,
    };
    UnboundCipherKey::new(cipher, key).ok()
}

/// The sealed text and its tag.
pub fn gcm_encrypt(key: &[u8], nonce: &[u8], aad: &[u8], text: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let mut text = text.to_vec();
    let tag = gcm(key)?.seal_in_place_separate_tag(nonce, Aad::from(aad), &mut text).ok()?;
    Some((text, tag.as_ref().to_vec()))
}

/// The text; `None` where the tag is another's.
pub fn gcm_decrypt(key: &[u8], nonce: &[u8], aad: &[u8], tag: &[u8], text: &[u8]) -> Option<Vec<u8>> {
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let mut both = (tag.len() == TAG).then(|| [text, tag].concat())?;
    let len = gcm(key)?.open_in_place(nonce, Aad::from(aad), &mut both).ok()?.len();
    both.truncate(len);
    Some(both)
}

/// With PKCS #7 padding.
pub fn cbc_encrypt(key: &[u8], iv: &[u8], text: &[u8]) -> Option<Vec<u8>> {
    let context = EncryptionContext::Iv128(FixedLength::from(<&[u8; 16]>::try_from(iv).ok()?));
    let mut text = text.to_vec();
    let key = PaddedBlockEncryptingKey::cbc_pkcs7(block(key)?).ok()?;
    key.less_safe_encrypt(&mut text, context).ok()?;
    Some(text)
}

/// `None` where the padding is broken.
pub fn cbc_decrypt(key: &[u8], iv: &[u8], text: &[u8]) -> Option<Vec<u8>> {
    let context = DecryptionContext::Iv128(FixedLength::from(<&[u8; 16]>::try_from(iv).ok()?));
    let mut text = text.to_vec();
    let key = PaddedBlockDecryptingKey::cbc_pkcs7(block(key)?).ok()?;
    let plain = key.decrypt(&mut text, context).ok()?.to_vec();
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sealed_opens_and_nothing_else() {
        for len in [16, 24, 32] {
            let key = vec![7; len];
            let (sealed, tag) = gcm_encrypt(&key, &[1; 12], b"aad", b"a text").unwrap();
            assert_eq!(gcm_decrypt(&key, &[1; 12], b"aad", &tag, &sealed).unwrap(), b"a text");
            assert_eq!(gcm_decrypt(&key, &[1; 12], b"other", &tag, &sealed), None);
            let sealed = cbc_encrypt(&key, &[1; 16], b"a text").unwrap();
            assert_eq!(sealed.len(), 16);
            assert_eq!(cbc_decrypt(&key, &[1; 16], &sealed).unwrap(), b"a text");
        }
        assert_eq!(gcm_encrypt(&[7; 15], &[1; 12], b"", b"x"), None);
        assert_eq!(cbc_decrypt(&[7; 16], &[1; 15], &[0; 16]), None);
    }
}
