import express, { type RequestHandler } from 'express';

import { AppError } from '../errors.ts';

/** Of a JSON body, in bytes. */
export const maxJsonBytes = 10 * 1024 * 1024;

const jsonTypes = ['application/json', 'application/*+json'];

// Not strict: a number is JSON, too, and what is wrong with it says the schema.
export const parsedJson = express.json({ limit: maxJsonBytes, type: jsonTypes, strict: false });

export const declaredJson: RequestHandler = (request, _response, next) => {
  // null: there is no body, so its type can't be wrong.
  const typed = request.is(jsonTypes);
  if (typed === false || (typed === null && request.get('Content-Type') === undefined))
    throw new AppError('unsupported_media_type', 'Send Content-Type: application/json.');
  next();
};

/** For paths where a body is optional. */
export const declaredJsonIfAny: RequestHandler = (request, _response, next) => {
  // `fetch` and others say `Content-Length: 0` when they send none.
  const some = request.get('Content-Length') !== '0';
  if (some && request.is(jsonTypes) === false) throw new AppError('unsupported_media_type', 'Send Content-Type: application/json.');
  next();
};
