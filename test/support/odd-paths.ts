/**
 * Ways to write a path that somebody on the way might take for the same. As sent: nothing of it is normalised.
 * @param canonical like `/v1/jobs/email_…`.
 */
export function oddPathsOf(canonical: string): string[] {
  const path = canonical.slice('/v1/'.length);
  const [collection = '', ...rest] = path.split('/');
  const below = rest.join('/');
  return [
    `/v1/${path}/`,
    `/V1/${collection.toUpperCase()}/${below}`,
    `//v1/${path}`,
    `/v1//${path}`,
    `/v1/${collection}//${below}`,
    `/./v1/${path}`,
    `/v1/./${path}`,
    `/livez/../v1/${path}`,
    `/docs/../v1/${path}`,
    `/v1/x/../${path}`,
    `/v1/${collection}/../${path}`,
    `/livez/%2e%2e/v1/${path}`,
    `/v1/%2e%2e/v1/${path}`,
    `/livez%2F..%2Fv1%2F${path}`,
    `/v1%2F${path}`,
    `/v1/${collection}%2F${below}`,
    `/v1/${collection}%252F${below}`,
    `/%76%31/${path}`,
    `/v1/%${collection.charCodeAt(0).toString(16)}${collection.slice(1)}/${below}`,
    `/v1/${path};v=1`,
    `/v1;v=1/${path}`,
    `/v1/${path}.json`,
    `/v1/${path}%00`,
    `/v1/${path}%20`,
    `/v1/${path}%0d%0aX-A:%20b`,
    `/v1/${path}#x`,
    `\\v1\\${path.replaceAll('/', '\\')}`,
    `/v1/${path.replaceAll('/', '\\')}`,
    `http://127.0.0.1/v1/${path}`,
    `http://metadata.example/v1/${path}`,
    `/v1/${path}?access_token=hk_acme_0123456789`,
    `/v1/${path}?_method=GET`,
  ];
}
