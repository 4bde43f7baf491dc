/** A payload as Temporal's Web UI and CLI send it to a codec server: bytes in base 64. */
export interface JsonPayload {
  metadata: Record<string, string>;
  data: string;
}

/** For those who look at workflows by Temporal's own means. */
export interface PayloadReader {
  /**
   * In the order given; what was never encrypted comes back as it is.
   * @throws AppError `payload_unreadable` when one is another tenant's, was changed, belongs to another namespace, or its key was
   * destroyed: which of these it was is not told. `database_unavailable`.
   */
  decode(payloads: readonly JsonPayload[], of: { tenantTag: string; namespace: string }): Promise<JsonPayload[]>;
}
