// Numbers and names as words. Pure: told the time, touches no page.

import { texts } from "./texts.js";

/** How long something has been live; both arguments in Unix seconds. */
export function liveSince(since, now) {
  const minutes = Math.floor(Math.max(0, now - since) / 60); // the two clocks need not agree
  if (minutes === 0) return texts.liveSince.now;
  if (minutes < 60) return texts.liveSince.minutes(minutes);
  return texts.liveSince.hours(Math.floor(minutes / 60), minutes % 60);
}

/** How far behind the room is held on purpose, in words; "" when it is not. */
export function delayWords(seconds, asleep = false) {
  if (asleep) return texts.waking(Math.ceil(seconds));
  return seconds > 0 ? texts.delay(Math.round(seconds * 10) / 10) : "";
}

/** What to call a room. */
export function roomTitle(room) {
  return room.title || room.name;
}

/** The room that a path such as /r/NAME or /embed/NAME names, or null. */
export function roomName(path) {
  const found = /^\/(?:r|embed)\/([^/]+)\/?$/.exec(path);
  if (!found) return null;
  try {
    return decodeURIComponent(found[1]);
  } catch {
    return null; // a broken escape
  }
}
