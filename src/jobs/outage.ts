import { ServiceError, WorkflowExecutionAlreadyStartedError, WorkflowNotFoundError } from '@temporalio/client';

/** gRPC codes with which Temporal refuses a request: invalid argument, not found, already exists. Everything else is an outage. */
const refusals = new Set([3, 5, 6]);

/** Temporal is away, rather than refusing what was asked. */
export function isOutage(error: unknown): boolean {
  if (error instanceof WorkflowExecutionAlreadyStartedError || error instanceof WorkflowNotFoundError) return false;
  if (error instanceof ServiceError) return !refusals.has(grpcCodeOf(error) ?? -1);
  // NamespaceNotFoundError comes from an overloaded server; TransportError from the native connection.
  return error instanceof Error && ['NamespaceNotFoundError', 'TransportError', 'IllegalStateError'].includes(error.name);
}

/** The client's calls wrap the gRPC error; a raw `workflowService` call throws it as it is, and it passes for a ServiceError too. */
function grpcCodeOf(error: ServiceError): number | undefined {
  return (error.cause as { code?: number } | undefined)?.code ?? (error as { code?: number }).code;
}
