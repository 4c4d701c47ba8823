//! The example of RFC 8448 section 3: application data and goodbyes, both ways, to the octet.

use super::*;

fn octets(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(|digit| !digit.is_ascii_whitespace()).collect();
    digits.chunks(2).map(|two| u8::from_str_radix(std::str::from_utf8(two).unwrap(), 16).unwrap()).collect()
}

fn traffic(key: &str, iv: &str, number: u64) -> Key {
    Key::of(&AES_128_GCM, &octets(key), octets(iv).try_into().unwrap(), Form::Inner, number).unwrap()
}

fn client(number: u64) -> Key {
    traffic("17422dda596ed5d9acd890e3c63f5051", "5b78923dee08579033e523d9", number)
}

/// Its first record was a ticket.
fn server() -> Key {
    traffic("9f02283b6c9c07efc26bb9f2ac92e356", "cf782b88dd83549aadf1e984", 1)
}

const CLIENT_SAYS: &str =
    "17030300 43a23f7054b62c94d0affafe8228ba55cbefacea42f914aa66bcab3f2b9819a8a5b46b395bd54a9a
    20441e2b62974e1f5a6292a2977014bd1e3deae63aeebb21694915e4";
const SERVER_SAYS: &str =
    "17030300 432e937e11ef4ac740e538ad36005fc4a46932fc3225d05f82aa1b36e30efaf97d90e6dffc602dcb
    501a59a8fcc49c4bf2e5f0a21c0047c2abf332540dd032e167c2955d";
const CLIENT_LEAVES: &str = "17030300 13c9872760655666b74d7ff1153efd6db6d0b0e3";
const SERVER_LEAVES: &str = "17030300 13b58fd67166ebf599d24720cfbe7efa7a8864a9";

#[test]
fn a_server_reads_and_writes_what_the_standard_prints() {
    let mut records = Records::new(client(0), server(), Renewal::NeverServer);
    let (mut plain, mut out) = (Vec::new(), Vec::new());
    let mut input = [octets(CLIENT_SAYS), octets(CLIENT_LEAVES)].concat();
    let progress = records.read(&mut input, &mut plain, &mut out).unwrap();
    let data: Vec<u8> = (0..50).collect();
    assert_eq!((progress.used, progress.closed), (input.len(), true));
    assert_eq!((&plain, out.len()), (&data, 0));
    records.write(&data, &mut out).unwrap();
    records.close(&mut out);
    assert_eq!(out, [octets(SERVER_SAYS), octets(SERVER_LEAVES)].concat());
}

#[test]
fn a_client_reads_and_writes_what_the_standard_prints() {
    let mut records = Records::new(server(), client(0), Renewal::NeverClient);
    let (mut plain, mut out) = (Vec::new(), Vec::new());
    let mut input = [octets(SERVER_SAYS), octets(SERVER_LEAVES)].concat();
    assert!(records.read(&mut input, &mut plain, &mut out).unwrap().closed);
    records.write(&plain, &mut out).unwrap();
    records.close(&mut out);
    assert_eq!(out, [octets(CLIENT_SAYS), octets(CLIENT_LEAVES)].concat());
}
