declare module 'heic-decode' {
  interface HeicImage {
    width: number;
    height: number;
    decode(): Promise<{ width: number; height: number; data: Uint8ClampedArray }>;
  }
  const decode: {
    /** Reads the headers; each picture is decoded when it is asked to. */
    all(source: { buffer: Uint8Array }): Promise<HeicImage[]>;
  };
  export default decode;
}
