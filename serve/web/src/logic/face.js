// What a room's page shows, and which broadcast its player should play. Pure: values in, values out.
//
// Three things decide: what the server said last of the room, whether the server answers, and what the player does.
//
//   room    the API's Room, or null before the first answer
//   link    "ok" | "missing" (404) | "unreachable"
//   player  "off" | "loading" | "playing" | "stalled" | "paused" | "blocked" | "ended"
//
// Media that is playing or was paused stays in sight, whatever the server says: it is what the viewer came for.

const SHOWN = new Set(["playing", "paused"]);

/** Whether a room's host is away although its broadcast still runs. */
export function hostAway(room) {
  return room.state === "waiting" && room.broadcast !== null;
}

/** Whether there is something to play: the host's picture, or the server's own in its place. */
export function onAir(room) {
  return room.broadcast !== null && room.state !== "waiting" && room.state !== "stopped";
}

/**
 * The name of the face to put over the picture, or null for the picture alone.
 * `supported`: whether this browser can play at all; `played`: whether this page has played anything of the room;
 * `stuck`: whether a stall has lasted long enough to speak of it.
 */
export function face({ supported, room, link, player, played, stuck }) {
  if (!supported) return "unsupported";
  if (link === "missing") return "missing";
  if (SHOWN.has(player)) return null;
  if (link === "unreachable") return "unreachable";
  if (player === "blocked") return "blocked";
  if (room === null) return "loading";
  if (room.state === "stopped") return played ? "over" : "stopped";
  if (hostAway(room)) return "away";
  if (!onAir(room)) return played ? "over" : "waiting";
  if (player === "stalled") return stuck ? "buffering" : null;
  return "loading";
}

/** The badge's name for a room. */
export function badge(room, link) {
  if (room === null || link !== "ok") return "unknown"; // what was so is not said to be so still
  return hostAway(room) ? "away" : room.state;
}

/**
 * What the player should do: "attach" to the room's broadcast, "detach", or "keep" what it has.
 * `attached` is the broadcast that it plays, or null.
 */
export function playerTask({ room, attached, player }) {
  if (room === null || player === "paused") return "keep"; // nothing starts while the viewer wants it still
  if (onAir(room)) return room.broadcast === attached ? "keep" : "attach";
  if (attached === null || room.broadcast === attached) return "keep";
  // The broadcast is over: what is buffered plays to its end first.
  return SHOWN.has(player) ? "keep" : "detach";
}
