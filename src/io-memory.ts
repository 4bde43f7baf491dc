/** Behind the header of an allocation the memory begins 64 bytes into a page. */
const shift = 48;

/**
 * Memory to read files into, and to write them from, in bytes. Large pieces begin 16 bytes into a page of memory, what the system holds of
 * files begins with one: processors of AMD (Zen 3 and later) copy five to nine times slower over such a small distance than over a larger
 * one (https://xuanwo.io/2023/04-rust-std-fs-slower-than-python/).
 */
export const ioMemory = (bytes: number): Buffer => Buffer.allocUnsafeSlow(bytes + shift).subarray(shift);
