// Every text that scripts put on a page. One object for a language; functions where a number or a name goes in.

export const texts = {
  // States of a room, on the picture: a title, and what happens next.
  faces: {
    loading: ["Loading…", ""],
    buffering: ["Loading…", "The connection is slow at the moment."],
    waiting: ["Waiting for the host", "The stream starts here by itself."],
    away: ["The host’s connection dropped", "Waiting for it to come back. The stream goes on by itself."],
    over: ["The stream is over", "If the host comes back, it starts here by itself."],
    stopped: ["This room is closed", "If it opens again, the stream starts here by itself."],
    missing: ["There is no such room", "Check the link. If the room opens later, it shows up here by itself."],
    unreachable: ["The server does not answer", "Trying again…"],
    unsupported: [
      "This browser cannot play the stream",
      "Update it, or use a current Firefox, Chrome, Edge or Safari. On an iPhone: iOS 17.1 or newer.",
    ],
    blocked: ["Ready to play", "This browser waits for your go-ahead."],
  },

  // The badge beside the title.
  badges: {
    live: "Live",
    slate: "Host away",
    covered: "Covered",
    waiting: "Waiting",
    away: "Host away",
    stopped: "Closed",
    unknown: "",
  },

  // Only in a demo: what the sample's host sends, and what becomes of it.
  sample: {
    name: "What is shown of the sample",
    after: "After filters",
    before: "Before filters",
    shown: {
      after: "This is the stream as every viewer of the room gets it.",
      before: "This is the sample as its host sends it. Viewers of the room never get this.",
    },
  },

  play: "Play",
  soundOnly: "Sound only",
  unmute: "Tap to unmute",
  autoQuality: "Auto",
  autoQualityOf: (label) => `Auto (${label})`,
  sourceQuality: (size) => `${size}, source`,
  watching: (count) => (count === 1 ? "1 watching" : `${count} watching`),
  waking: (seconds) => `Nobody was watching: moderation wakes up, about ${seconds} s`,
  delay: (seconds) => `Shown ${seconds} ${seconds === 1 ? "second" : "seconds"} later, for moderation`,
  liveSince: { now: "Live since just now", minutes: (m) => `Live for ${m} min`, hours: (h, m) => `Live for ${h} h ${m} min` },
  pageTitle: (title) => `${title} · Veilcast`,
  liveTitle: (title) => `● ${title} · Veilcast`,
  watch: (title) => `Watch ${title}`,
  homeUnreachable: "The server does not answer. Trying again…",
  liveRooms: (count) => (count === 1 ? "1 room is live" : `${count} rooms are live`),
};
