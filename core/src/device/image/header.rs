//! What every image begins with.

/// The first bytes of every image.
pub const MAGIC: [u8; 4] = *b"LDNN";
/// The version that this code reads.
pub const VERSION: u16 = 2;
/// Bytes before the body: magic, version, two zero bytes, length of the body, its CRC-32; all
/// little-endian.
pub const HEADER: usize = 16;

/// The checksum of a body: CRC-32 as in Ethernet, zip and PNG.
#[must_use]
pub fn checksum(body: &[u8]) -> u32 {
    crc::Crc::<u32, crc::NoTable>::new(&crc::CRC_32_ISO_HDLC).checksum(body)
}
