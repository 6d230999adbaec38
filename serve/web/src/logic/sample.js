// Whether a room's page shows the stream, or the sample that its host publishes. Pure: values in, values out.
//
// Only a demo has a sample, while its own host is on air: then the room says where it is. What anybody else publishes
// is never shown but as viewers get it.

export const AFTER = "after";
export const BEFORE = "before";

/**
 * What is shown of `room` (the API's Room or null) to a viewer who has chosen BEFORE or AFTER; null where there is nothing
 * to choose.
 */
export function side(room, chosen) {
  return room?.sample === undefined ? null : chosen;
}
