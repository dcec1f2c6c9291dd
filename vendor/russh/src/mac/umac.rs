//! UMAC-64 and UMAC-128 (RFC 4418) as `umac-64@openssh.com` and the like use them (rustbucket): the key has 16 bytes,
//! the nonce is the sequence number, and the message is the packet alone.
#![allow(clippy::indexing_slicing)] // all lengths are constants of the RFC or counted just before

use aes::Aes128;
use aes::cipher::{Block, BlockCipherEncrypt, KeyInit};
use subtle::ConstantTimeEq;

use super::{Mac, MacAlgorithm};

/// Length of the tag in bytes (8 or 16), and whether the packet is encrypted before.
pub struct UmacAlgorithm {
    pub tag: usize,
    pub etm: bool,
}

impl MacAlgorithm for UmacAlgorithm {
    fn key_len(&self) -> usize {
        16
    }

    fn make_mac(&self, key: &[u8]) -> Box<dyn Mac + Send> {
        let mut own = [0; 16];
        own.copy_from_slice(key);
        Box::new(Umac::new(own, self.tag, self.etm))
    }
}

const CHUNK: usize = 1024;
const P36: u64 = (1 << 36) - 5;
const P64: u128 = (1 << 64) - 59;

struct Umac {
    pad: Aes128,
    l1: Vec<u32>,
    l2: Vec<u64>,
    l3: Vec<u64>,
    l3_xor: Vec<u32>,
    tag: usize,
    etm: bool,
}

fn aes(key: &[u8; 16]) -> Aes128 {
    Aes128::new(&(*key).into())
}

fn encrypt(aes: &Aes128, block: [u8; 16]) -> [u8; 16] {
    let mut block: Block<Aes128> = block.into();
    aes.encrypt_block(&mut block);
    block.into()
}

/// KDF of section 3.2.
fn derive(aes: &Aes128, index: u64, len: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(len + 16);
    for i in 1.. {
        if out.len() >= len {
            break;
        }
        let mut block = [0; 16];
        block[..8].copy_from_slice(&index.to_be_bytes());
        block[8..].copy_from_slice(&u64::to_be_bytes(i));
        out.extend_from_slice(&encrypt(aes, block));
    }
    out.truncate(len);
    out
}

fn words32(bytes: &[u8]) -> Vec<u32> {
    bytes.as_chunks::<4>().0.iter().map(|word| u32::from_be_bytes(*word)).collect()
}

fn words64(bytes: &[u8]) -> Vec<u64> {
    bytes.as_chunks::<8>().0.iter().map(|word| u64::from_be_bytes(*word)).collect()
}

impl Umac {
    fn new(key: [u8; 16], tag: usize, etm: bool) -> Self {
        let master = aes(&key);
        let rounds = tag / 4;
        let mut pad = [0; 16];
        pad.copy_from_slice(&derive(&master, 0, 16));
        Self {
            pad: aes(&pad),
            l1: words32(&derive(&master, 1, CHUNK + (rounds - 1) * 16)),
            l2: words64(&derive(&master, 2, rounds * 24)),
            l3: words64(&derive(&master, 3, rounds * 64)).into_iter().map(|word| word % P36).collect(),
            l3_xor: words32(&derive(&master, 4, rounds * 4)),
            tag,
            etm,
        }
    }

    /// NH of section 5.2.2, of at most a chunk.
    fn nh(&self, round: usize, message: &[u8]) -> u64 {
        let key = &self.l1[round * 4..];
        let mut padded = [0; 32];
        let mut sum = 0u64;
        for (at, group) in message.chunks(32).enumerate() {
            let group = if group.len() == 32 {
                group
            } else {
                padded[..group.len()].copy_from_slice(group);
                padded[group.len()..].fill(0);
                &padded
            };
            let (words, _) = group.as_chunks::<4>();
            for i in 0..4 {
                let one = u32::from_le_bytes(words[i]).wrapping_add(key[at * 8 + i]);
                let two = u32::from_le_bytes(words[i + 4]).wrapping_add(key[at * 8 + i + 4]);
                sum = sum.wrapping_add(u64::from(one).wrapping_mul(u64::from(two)));
            }
        }
        sum.wrapping_add(message.len() as u64 * 8)
    }

    /// UHASH of section 5, one round of it: 4 bytes.
    fn hash(&self, round: usize, message: &[u8]) -> u32 {
        let high_low = if message.len() <= CHUNK {
            u128::from(self.nh(round, message))
        } else {
            // POLY of section 5.3.2; a packet is far shorter than what needs its second half.
            let k = u128::from(self.l2[round * 3] & 0x01ff_ffff_01ff_ffff);
            let mut y = 1u128;
            for chunk in message.chunks(CHUNK) {
                let m = u128::from(self.nh(round, chunk));
                if m >= (1 << 64) - (1 << 32) {
                    y = (k * y + (P64 - 1)) % P64;
                    y = (k * y + (m - 59)) % P64;
                } else {
                    y = (k * y + m) % P64;
                }
            }
            y
        };
        let words = high_low.to_be_bytes();
        let mut y = 0u64;
        for (i, word) in words.as_chunks::<2>().0.iter().enumerate() {
            y = (y + u64::from(u16::from_be_bytes(*word)) * self.l3[round * 8 + i]) % P36;
        }
        (y as u32) ^ self.l3_xor[round]
    }

    fn sum(&self, nonce: u64, message: &[u8]) -> [u8; 16] {
        // PDF of section 3.3: of a tag of 8 bytes, the last bit of the nonce says which half of a block it is.
        let half = if self.tag == 8 { nonce & 1 } else { 0 };
        let mut block = [0; 16];
        block[..8].copy_from_slice(&(nonce & !half).to_be_bytes());
        let pad = encrypt(&self.pad, block);
        let pad = &pad[half as usize * 8..];
        let mut out = [0; 16];
        for round in 0..self.tag / 4 {
            let word = self.hash(round, message).to_be_bytes();
            for i in 0..4 {
                out[round * 4 + i] = word[i] ^ pad[round * 4 + i];
            }
        }
        out
    }
}

impl Mac for Umac {
    fn mac_len(&self) -> usize {
        self.tag
    }

    fn is_etm(&self) -> bool {
        self.etm
    }

    fn compute(&self, sequence_number: u32, payload: &[u8], output: &mut [u8]) {
        output.copy_from_slice(&self.sum(u64::from(sequence_number), payload)[..self.tag]);
    }

    fn verify(&self, sequence_number: u32, payload: &[u8], mac: &[u8]) -> bool {
        self.sum(u64::from(sequence_number), payload)[..self.tag].ct_eq(mac).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Appendix of RFC 4418: key "abcdefghijklmnop", nonce "bcdefghi".
    #[test]
    fn vectors_of_the_rfc() {
        let nonce = u64::from_be_bytes(*b"bcdefghi");
        let tag = |message: &[u8]| u64::from_be_bytes(Umac::new(*b"abcdefghijklmnop", 8, false).sum(nonce, message)[..8].try_into().unwrap());
        assert_eq!(tag(b""), 0x6E15_5FAD_2690_0BE1);
        assert_eq!(tag(b"aaa"), 0x44B5_CB54_2F22_0104);
        assert_eq!(tag(&[b'a'; 1 << 10]), 0x26BF_2F5D_6011_8BD9);
        assert_eq!(tag(&[b'a'; 1 << 15]), 0x27F8_EF64_3B0D_118D);
        assert_eq!(tag(b"abc"), 0xD4D7_B9F6_BD4F_BFCF);
    }
}
