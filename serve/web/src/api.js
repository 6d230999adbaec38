// The server's API, as far as pages use it.

const TIMEOUT = 8000;

/** An answer that is not the one asked for; `status` is 0 when there was none at all. */
export class ApiError extends Error {
  constructor(status) {
    super(status ? `the server answered ${status}` : "the server did not answer");
    this.status = status;
  }
}

/** Ask for JSON. Throws ApiError. */
export async function ask(path, { body, fetch = globalThis.fetch } = {}) {
  let response;
  try {
    response = await fetch(`/api/v1${path}`, {
      method: body === undefined ? "GET" : "POST",
      headers: body === undefined ? {} : { "Content-Type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
      cache: "no-store",
      signal: AbortSignal.timeout?.(TIMEOUT),
    });
    if (response.ok) return await response.json();
  } catch {
    throw new ApiError(0);
  }
  throw new ApiError(response.status);
}

/** A random name for this page, by which the server counts it. (randomUUID exists only under https.) */
export function viewerId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
