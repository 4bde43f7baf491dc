import { request } from 'node:http';

/**
 * Sends the first half of an upload and leaves it there.
 * @returns the error that ends it, or `answered` when the server replied after all.
 */
export function beginUpload(url: string, key: string, file: Uint8Array): { underway: Promise<void>; outcome: Promise<string> } {
  const boundary = 'handoff-production-half';
  const head = `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="half.jpg"\r\nContent-Type: image/jpeg\r\n\r\n`;
  const post = request(`${url}/v1/uploads`, {
    method: 'POST',
    headers: {
      Authorization: `Bearer ${key}`,
      'Content-Type': `multipart/form-data; boundary=${boundary}`,
      'Content-Length': head.length + file.length + boundary.length + 8,
    },
  });
  const outcome = new Promise<string>((resolve) => {
    post.once('response', (response) => {
      response.resume();
      resolve('answered');
    });
    post.once('error', (error: NodeJS.ErrnoException) => {
      resolve(error.code ?? error.message);
    });
  });
  const underway = new Promise<void>((resolve) => {
    post.write(head);
    post.write(file.subarray(0, file.length / 2), () => {
      resolve();
    });
  });
  return { underway, outcome };
}
