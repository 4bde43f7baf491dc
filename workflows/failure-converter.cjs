'use strict';
// CommonJS, since the SDK loads it by `require`, in the client and the worker as in the sandbox of the workflows.
const { DefaultFailureConverter } = require('@temporalio/common');

/** Messages and stack traces of failures become payloads, which the codec encrypts; the types stay plain: they are codes of ours. */
exports.failureConverter = new DefaultFailureConverter({ encodeCommonAttributes: true });
